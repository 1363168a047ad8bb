"""Which models this process embeds for: what the database says (db.embedders.Models), asked as quire_worker.

`await models.current()` gives the embedders, the active model's first, then the shadow's while `quire reembed` fills
it. A drain asks before each claim: their names are what it claims for, each embedder gets the texts that lack its
vector, and an outage of one holds up only its own.
"""

from __future__ import annotations

from db.embedders import Model, Models
from db.pool import Pool
from db.settings import Settings


def create_models(settings: Settings, pool: Pool, seconds: float = 5.0) -> Models:
    """The models in use, looked up every few seconds.

    Args:
        settings: of the process.
        pool: connections as quire_worker.
        seconds: that an answer holds.
    """

    async def fetch() -> list[Model]:
        async with pool.connection() as connection:
            cursor = await connection.execute("select name, dimensions, state, config from indexing.embedding_models()")
            return [Model(*row) for row in await cursor.fetchall()]

    return Models(settings, fetch, seconds)
