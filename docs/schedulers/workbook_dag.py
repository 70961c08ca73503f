"""Airflow: run the quarter's reports, then replay them.

Put this file into Airflow's dags folder and change the two lines HOME and PARAMS.
"""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

HOME = "/srv/workbook"
PARAMS = "params/mybank.yml"
DAY = "(data_interval_end - macros.timedelta(days=15))"
#: The quarter that ended before the day of the run, such as 2026Q3.
QUARTER = f"{{{{ {DAY}.year }}}}Q{{{{ ({DAY}.month - 1) // 3 + 1 }}}}"

with DAG(
    dag_id="customer_reports",
    schedule="0 2 3 1,4,7,10 *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,  # a second run on the same outputs would be refused
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=10),
    },  # finished reports are not run again
) as dag:
    run = BashOperator(
        task_id="run",
        bash_command=f"cd {HOME} && .venv/bin/workbook run {PARAMS} --quarter {QUARTER} --json",
        execution_timeout=timedelta(hours=8),
    )
    verify = BashOperator(
        task_id="verify",
        bash_command=f"cd {HOME} && .venv/bin/workbook verify outputs/mybank/{QUARTER}",
        retries=0,  # a difference stays one
    )
    run >> verify
