"""For machines: is it alive, can it work, what does it measure."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from mrcore import catalogue, core, measured
from mrcore.api import deps, problem
from mrcore.model import base, wire

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """Answer of the probes."""

    status: str = "ok"


@router.get("/livez", response_model=Health)
async def livez() -> Health:
    """The core's loop turns."""
    return Health()


@router.get("/readyz", response_model=Health, responses=problem.may(503))
async def readyz(core: deps.Core) -> Response:
    """Every source has been tried and the ledger can be written; 503 says what is missing."""
    if core.ledger.trouble:
        why = f"Actions are refused: {core.ledger.trouble}."
        return problem.response(problem.made(503, "store", why))
    if not core.monitor.tried:
        why = "Not every source has been looked at yet."
        return problem.response(problem.made(503, "starting", why))
    return deps.answer(Health())


@router.get("/metrics", response_class=Response, responses=problem.may(*problem.WITH_LOGIN))
async def metrics(core: deps.Core, login: deps.Login) -> Response:
    """The newest points in Prometheus's text format; those of a failing source are left out."""
    await core.load("prometheus_client")  # 120 ms that neither start-up nor the loop may pay
    import prometheus_client
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
    from prometheus_client.metrics_core import GaugeMetricFamily, Metric

    class Live(prometheus_client.registry.Collector):
        def collect(self) -> Iterator[Metric]:
            up = GaugeMetricFamily("mr_source_up", "1 while a source answers", labels=["source"])
            for status in core.monitor.statuses():
                up.add_metric([status.name], float(status.verdict.level is base.Level.OK))
            yield up
            families: dict[str, GaugeMetricFamily] = {}
            for point in _points(core):
                known = catalogue.METRICS[point.metric]
                family = families.setdefault(
                    point.metric,
                    GaugeMetricFamily(_name(known), _describe(known), labels=["ref"]),
                )
                family.add_metric([point.ref], point.value)
            yield from families.values()

    registry = prometheus_client.CollectorRegistry()
    registry.register(Live())
    text = prometheus_client.generate_latest(registry)
    return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _points(core: core.Core) -> Iterator[wire.Point]:
    up = {s.name for s in core.monitor.statuses() if s.verdict.level is base.Level.OK}
    for changed in core.hub.snapshot().sources:
        if changed.source in up:
            yield from (point for point in changed.points if point.metric in catalogue.METRICS)


def _name(metric: measured.Metric) -> str:
    return "mr_" + metric.id.replace(".", "_")


def _describe(metric: measured.Metric) -> str:
    return f"{metric.label} ({metric.unit})" if metric.unit else metric.label
