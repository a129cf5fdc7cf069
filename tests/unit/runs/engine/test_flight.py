"""What recovery finds under way in a worker that is gone."""

from runs.engine.flight import in_flight
from tests.unit.runs.engine.dags import dag
from tests.unit.runs.engine.play import Play


def test_what_a_worker_has_started_and_not_ended_is_in_flight():
    """Ended and waiting steps are not, nor are those of other workers."""
    play = Play(dag("a > b, c, d"))
    play.sleep("d", 60)
    play.worker = "w2"
    play.complete("a")
    assert list(in_flight(play.state, "w1")) == [("c", 1, 1, "")]
    assert list(in_flight(play.state, "w2")) == [("b", 1, 1, "")]
    assert list(in_flight(play.state, "w3")) == []
