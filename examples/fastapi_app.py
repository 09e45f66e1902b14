"""Look after tasks over HTTP: a FastAPI application that has a Callsheet app inside.

    python examples/fastapi_app.py           # or: uvicorn examples.fastapi_app:api
    curl localhost:8000/tasks
    curl -X POST localhost:8000/tasks/count/run -H 'Content-Type: application/json' -d '{"limit": 300000}'
    curl -X POST localhost:8000/tasks/tick/terminate
    curl 'localhost:8000/runs?task=count'
    curl localhost:8000/health

The lifespan starts the app before the first request and shuts it down after the last one, in order: uvicorn's Ctrl+C ends
the runs too. Run it in one process: a second one would find the run log in use.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import anyio
import uvicorn
from fastapi import Body, FastAPI, Query, Request
from fastapi.responses import JSONResponse

from actors import App, Task, TaskRunRecord
from actors.errors import MissingArgument, UnexpectedArgument, UnknownTask, UnportableParameter

app = App(shutdown_wait="2 seconds")


@app.task("every 10 seconds", description="Takes two seconds of each ten.")
async def tick() -> None:
    await anyio.sleep(2)


@app.task(execution="process", description="Counts the primes below a limit.")
def count(limit: int = 100_000) -> int:
    return sum(all(number % divisor for divisor in range(2, int(number**0.5) + 1)) for number in range(2, limit))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with app.running():
        yield


api = FastAPI(title="Callsheet", lifespan=lifespan)


@dataclass
class TaskView:
    """What is told of a task."""

    name: str
    description: str | None
    execution: str
    start_cond: str
    status: str | None
    is_running: bool
    last_run: datetime | None

    @classmethod
    def of(cls, task: Task) -> "TaskView":
        return cls(task.name, task.description, task.execution, str(task.start_cond), task.status, task.is_running, task.last_run)


@api.get("/tasks")
def tasks() -> list[TaskView]:
    return [TaskView.of(task) for task in app.session]


@api.get("/tasks/{name}")
def task(name: str) -> TaskView:
    return TaskView.of(app.session[name])


@api.post("/tasks/{name}/run", status_code=202)
def run(name: str, params: Annotated[dict[str, Any] | None, Body()] = None) -> TaskView:
    """Queue one run, with the body as its parameters."""
    task = app.session[name]
    given = params or {}
    task.signature.fit({**task.parameters, **given}, app.session.parameters)
    task.run(**given)
    return TaskView.of(task)


@api.post("/tasks/{name}/terminate", status_code=202)
def terminate(name: str, run_id: str | None = None) -> TaskView:
    """End all runs of a task, or one of them."""
    task = app.session[name]
    task.terminate(run_id)
    return TaskView.of(task)


@api.get("/runs")
def runs(task: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 20) -> list[TaskRunRecord]:
    """Return the last records of the run log, the newest first."""
    columns = {} if task is None else {"task_name": app.session[task].name}
    return app.session.get_repo().filter_by(**columns).all()[-limit:][::-1]


@api.get("/health")
def health() -> JSONResponse:
    """Say what is wrong with the app, for those who watch over it: 200 if nothing is, else 503."""
    found = app.session.health
    return JSONResponse({"problems": list(found.problems)}, 200 if found.is_ok else 503)


@api.exception_handler(UnknownTask)
def not_found(_: Request, error: UnknownTask) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 404)


@api.exception_handler(UnexpectedArgument)
@api.exception_handler(MissingArgument)
@api.exception_handler(UnportableParameter)
def unprocessable(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, 422)


if __name__ == "__main__":
    uvicorn.run(api, port=int(os.environ.get("PORT", "8000")))
