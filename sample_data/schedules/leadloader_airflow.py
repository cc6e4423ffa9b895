"""The night as an Airflow task (Airflow 3; for 2.9 and later, import from airflow.decorators).

Put it into the folder of DAGs of a worker that has leadloader and the drop folders.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    # Two at once would not do harm: the second ends with 75.
    max_active_runs=1,
    tags=["vicidial"],
)
def leadloader_nightly() -> None:
    """Load lead files into VICIdial, archive worked leads."""

    @task.bash(
        # Killed, or the database went away: the same command goes on where it was.
        retries=3,
        retry_delay=timedelta(minutes=5),
        # Another night is under way.
        skip_on_exit_code=75,
        # On top of the worker's environment, which has LEADLOADER_DATABASE.
        append_env=True,
        cwd="/var/lib/leadloader",
    )
    def nightly() -> str:
        """Give the command."""
        return (
            "exec /opt/leadloader/bin/leadloader nightly "
            "--config /etc/leadloader/nightly.toml --log-format json"
        )

    nightly()


leadloader_nightly()
