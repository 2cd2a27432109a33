"""What is told without a cluster: which tables are spread over nodes, and that an ordinary database is refused."""

import asyncio
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from sojourn.storage import engines
from sojourn.storage.postgres import citus, schema
from sojourn.storage.schema.revisions import CannotDistribute
from tests.postgres import Cluster
from tests.storage.test_portable_sql import IN_ONE_ORDER, TENANT_TABLES


def test_every_table_with_a_tenant_is_distributed_and_no_other(cluster: Cluster) -> None:
    url = cluster.url(cluster.create())
    ours = asyncio.run(schema.on_connection(url, citus.our_tables))

    assert {table for table, has_tenant in ours.items() if has_tenant} == TENANT_TABLES - IN_ONE_ORDER
    assert ours.keys() >= SQLModel.metadata.tables.keys() > TENANT_TABLES
    assert set(citus.REFERENCE_TABLES) <= SQLModel.metadata.tables.keys() - TENANT_TABLES


def test_a_database_without_the_extension_is_refused_before_anything_is_migrated(cluster: Cluster) -> None:
    url = cluster.url(cluster.create(empty=True))

    for refused in (engines.migrate(url, distribute=True), engines.plan_distribution(url)):
        with pytest.raises(CannotDistribute, match="CREATE EXTENSION citus"):
            asyncio.run(refused)
    assert asyncio.run(schema.on_connection(url, citus.our_tables)) == {}


def test_a_file_is_refused(tmp_path: Path) -> None:
    for refused in (
        engines.migrate(f"sqlite:///{tmp_path}/one.db", distribute=True),
        engines.plan_distribution(f"sqlite:///{tmp_path}/one.db"),
    ):
        with pytest.raises(CannotDistribute, match="cannot be spread"):
            asyncio.run(refused)
    assert list(tmp_path.iterdir()) == []


def test_an_ordinary_database_is_not_taken_for_a_cluster(cluster: Cluster) -> None:
    url = cluster.url(cluster.create())

    assert asyncio.run(schema.on_connection(url, citus.is_distributed)) is False
