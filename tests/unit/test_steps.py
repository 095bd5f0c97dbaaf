"""How steps are named and counted."""

from __future__ import annotations

import pytest

from rowlock.domain.errors import InvalidArgument
from rowlock.domain.steps import StepCounter, StepName


@pytest.mark.parametrize(
    ("step", "text"),
    [(StepName("charge"), "charge"), (StepName("charge", 2), "charge#2"), (StepName("a/b:c.d-e", 10), "a/b:c.d-e#10")],
)
def test_a_step_is_written_and_read_again(step: StepName, text: str) -> None:
    assert str(step) == text
    assert StepName.parse(text) == step


def test_each_name_is_counted_for_itself_in_the_order_of_its_uses() -> None:
    counter = StepCounter()
    assert [str(counter.use(name)) for name in ("a", "b", "a", "a", "b")] == ["a", "b", "a#2", "a#3", "b#2"]
    assert str(counter.next("a")) == "a#4"
    assert str(counter.use("a")) == "a#4"  # to ask what comes is no use


@pytest.mark.parametrize("name", ["", "a#2", "two words", "x" * 201, "é", 7, None])
def test_what_could_be_mistaken_for_another_step_is_no_name(name: object) -> None:
    counter = StepCounter()
    for ask in (counter.next, counter.use):
        with pytest.raises(InvalidArgument, match="The field step"):
            ask(name)
