"""Output that outlasts its reader."""

import os
import sys

import pytest

from delivery_operator.cli.readers import ReaderGone, heed, patient


def test_what_nobody_reads_goes_nowhere_and_what_has_no_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as file:
        monkeypatch.setattr(sys, "stdout", file)
        with patient():
            sys.stdout.write("read")
            heed()
            os.close(reader)
            sys.stdout.writelines(["not", " read"])
            with pytest.raises(ReaderGone):
                heed()
            sys.stdout.write("nor this")
            assert not sys.stdout.isatty(), "all else is the file's own"
        assert sys.stdout is file


def test_a_stream_that_was_closed_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`kubectl delivery validate order.yaml 2>&-`."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with patient():
        heed()
    assert (sys.stdout, sys.stderr) == (None, None)
