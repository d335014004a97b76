"""Knowledge: indexed once, kept up to date, found again."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import DiskFullError, DocumentError, UsageError
from agentkit.retrieval import Hit, Knowledge, knowledge
from agentkit.retrieval.store import Store

PAGES = {
    "prices.md": "# Prices\n\n| Bed | Euros |\n|---|---|\n| small | 24.00 |\n| large | 39.00 |\n",
    "dogs.html": "<h1>Dogs</h1><p>Dogs may sleep in the barn.</p>",
    "notes/keys.txt": "The key of the barn hangs behind the clock.",
    "boats.csv": "boat,berths\nReiger,4\nFuut,6\n",
}


@pytest.fixture
def house(docs: Path) -> Path:
    for name, text in PAGES.items():
        (docs / name).parent.mkdir(exist_ok=True)
        (docs / name).write_text(text)
    return docs


def sources(hits: list[Hit]) -> list[str]:
    return [hit.source for hit in hits]


def test_hits_carry_source_place_text_and_scores(house: Path, home: Path, embedder: Any) -> None:
    hit = Knowledge(house, embedder=embedder).search("price of a large bed", k=1)[0]
    assert (hit.source, hit.location, hit.text) == ("prices.md", "Prices", "Bed | Euros\nsmall | 24.00\nlarge | 39.00")
    assert set(hit.scores) == {"dense", "words"} and hit.score > 0


def test_the_real_embedder_finds_what_shares_no_word(house: Path, home: Path) -> None:
    assert Knowledge(house).search("where may my puppy spend the night", k=1)[0].source == "dogs.html"


def test_an_unchanged_folder_is_not_read_again(house: Path, home: Path, embedder: Any) -> None:
    assert Knowledge(house, embedder=embedder).refresh().read == 4
    seen = len(embedder.seen)
    again = Knowledge([house], embedder=embedder)
    assert again.refresh().read == 0 and again.search("barn") and len(embedder.seen) == seen + 1


def test_changed_new_and_removed_files_are_followed(house: Path, home: Path, embedder: Any) -> None:
    held = Knowledge(house, embedder=embedder)
    held.refresh()
    (house / "dogs.html").write_text("<h1>Dogs</h1><p>Dogs are not allowed any more.</p>")
    (house / "new.md").write_text("A windmill.")
    (house / "boats.csv").unlink()
    report = held.refresh()
    assert (report.read, report.removed, report.files) == (2, 1, 4)
    assert "not allowed" in held.search("dogs", k=1)[0].text
    assert held.search("windmill", k=1)[0].source == "new.md" and "boats.csv" not in sources(held.search("boat berths", k=9))


def test_a_touched_file_is_not_embedded_again(house: Path, home: Path, embedder: Any) -> None:
    Knowledge(house, embedder=embedder).refresh()
    os.utime(house / "dogs.html", (1, 1))
    seen = len(embedder.seen)
    assert Knowledge(house, embedder=embedder).refresh().read == 0 and len(embedder.seen) == seen


def test_another_embedder_has_another_index(house: Path, home: Path, embedder: Any, other_embedder: Any) -> None:
    first, second = Knowledge(house, embedder=embedder), Knowledge(house, embedder=other_embedder)
    assert first.folder != second.folder and second.refresh().read == 4


def test_one_bad_file_is_reported_and_the_rest_goes_on(house: Path, home: Path, embedder: Any) -> None:
    (house / "scan.pdf").write_bytes(b"%PDF-1.4 broken")
    (house / "photo.jpg").write_bytes(b"\xff\xd8\0\0")
    held = Knowledge(house, embedder=embedder)
    assert held.search("barn") and held.refresh().files == 4
    assert [warning.partition(":")[0] for warning in held.warnings] == ["photo.jpg", "scan.pdf"]


def test_nothing_that_can_be_read_is_an_error(docs: Path, home: Path, embedder: Any) -> None:
    with pytest.raises(DocumentError, match="folder is empty"):
        Knowledge(docs, embedder=embedder).search("x")
    (docs / "a.bin").write_bytes(b"\0" * 100)
    with pytest.raises(DocumentError, match=r"no document could be read: a\.bin: binary"):
        Knowledge(docs, embedder=embedder).refresh()


def test_a_path_that_is_not_there_is_an_error_at_once(docs: Path) -> None:
    with pytest.raises(DocumentError, match="no file or folder"):
        Knowledge(docs / "nothing")


@pytest.mark.parametrize(("query", "k"), [("", 3), ("  \n", 3), ("beds", 0)])
def test_useless_searches_are_refused(house: Path, home: Path, embedder: Any, query: str, k: int) -> None:
    with pytest.raises(UsageError):
        Knowledge(house, embedder=embedder).search(query, k=k)


@pytest.mark.parametrize("query", ['"beds" AND (NOT', "of the", "?!", "x" * 200_000, "NEAR(bed, 3) *", "text: bed"])
def test_odd_queries_still_give_passages(house: Path, home: Path, embedder: Any, query: str) -> None:
    assert len(Knowledge(house, embedder=embedder).search(query, k=2)) == 2


def test_a_named_index_is_opened_by_its_name(house: Path, home: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(house)
    Knowledge("notes", "dogs.html", name="office", embedder=embedder).refresh()
    monkeypatch.chdir("/")
    opened = Knowledge.open("office", embedder=embedder)
    assert opened.search("clock", k=1)[0].source == "keys.txt" and "office" in repr(opened)


def test_an_unknown_name_lists_those_there_are(house: Path, home: Path, embedder: Any) -> None:
    with pytest.raises(DocumentError, match="there is none yet"):
        Knowledge.open("office")
    Knowledge(house, name="barn", embedder=embedder).refresh()
    with pytest.raises(DocumentError, match=r"no index is named 'office': there are 'barn'"):
        Knowledge.open("office")
    with pytest.raises(UsageError, match="cannot be named"):
        Knowledge(house, name="../up")


def test_a_broken_index_is_made_anew(house: Path, home: Path, embedder: Any) -> None:
    held = Knowledge(house, embedder=embedder)
    held.refresh()
    file = held.folder / "index.sqlite"
    database = sqlite3.connect(file)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(os.urandom(size - 4096))
    assert Knowledge(house, embedder=embedder).search("barn", k=1)[0].source in ("dogs.html", "notes/keys.txt")


def test_an_index_that_turns_out_to_be_broken_in_a_search_is_made_anew(
    house: Path, home: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Knowledge(house, embedder=embedder)
    held.refresh()
    first, matched = held._store, Store.match

    def match(store: Store, *args: Any) -> Any:
        if store is first:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return matched(store, *args)

    monkeypatch.setattr(Store, "match", match)
    assert held.search("barn", k=1)[0].source in ("dogs.html", "notes/keys.txt") and held._store is not first


def test_a_broken_named_index_says_how_it_is_made_again(house: Path, home: Path, embedder: Any) -> None:
    held = Knowledge(house, name="barn", embedder=embedder)
    held.refresh()
    held._close()
    (held.folder / "index.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(DocumentError, match=r"'barn' is broken.*agentkit index PATH --name barn"):
        Knowledge.open("barn", embedder=embedder)
    assert Knowledge(house, name="barn", embedder=embedder).search("barn")


def test_an_index_that_cannot_be_written_is_explained(house: Path, tmp_path: Path, embedder: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DocumentError, match="set AGENTKIT_HOME"):
        Knowledge(house, embedder=embedder, home=tmp_path / "file").refresh()


def test_a_full_disk_is_explained_and_nothing_is_lost(house: Path, home: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Knowledge(house, embedder=embedder)
    held.refresh()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    (house / "new.md").write_text("A windmill.")
    with monkeypatch.context() as patch:
        patch.setattr("agentkit.retrieval.store.Store.put", full)
        with pytest.raises(DiskFullError, match=r"no room for the index in .*disk is full.*free some space.*AGENTKIT_HOME"):
            held.refresh()
    assert held.refresh().read == 1 and held.search("windmill", k=1)[0].source == "new.md"


def test_an_interrupted_refresh_goes_on_where_it_stopped(house: Path, home: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    embed = embedder.embed

    def interrupt(texts: list[str]) -> Any:
        if any("barn hangs" in text for text in texts):
            raise KeyboardInterrupt
        return embed(texts)

    held = Knowledge(house, embedder=embedder)
    with monkeypatch.context() as patch:
        patch.setattr(embedder, "embed", interrupt)
        with pytest.raises(KeyboardInterrupt):
            held.refresh()
    assert Knowledge(house, embedder=embedder).refresh().read == 1


def test_threads_search_while_files_change(house: Path, home: Path, embedder: Any) -> None:
    held = Knowledge(house, embedder=embedder)
    failures: list[BaseException] = []

    def search() -> None:
        try:
            for _ in range(20):
                assert held.search("barn key", k=2)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(5):
        (house / "new.md").write_text(f"A windmill of {number} sails.")
        held.refresh()
    for thread in threads:
        thread.join()
    assert failures == []


def test_above_the_limit_chroma_finds_the_same(house: Path, home: Path, embedder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = Knowledge(house, embedder=embedder).search("key of the barn", k=4)
    monkeypatch.setattr(knowledge, "SCANNED", 0)
    held = Knowledge(house, embedder=embedder)
    assert [(hit.source, hit.scores) for hit in held.search("key of the barn", k=4)] == [(hit.source, hit.scores) for hit in scanned]
    (house / "new.md").write_text("A key of gold.")
    held.refresh()
    assert "new.md" in sources(held.search("key of gold", k=2))


@pytest.mark.slow
def test_two_processes_index_one_folder_without_harm(house: Path, home: Path) -> None:
    for number in range(20):
        (house / f"page{number}.txt").write_text(f"Page {number} tells of boat {number}.")
    program = (
        "import json, sys; from agentkit.retrieval import Knowledge; held = Knowledge(sys.argv[1]); report = held.refresh(); "
        "print(json.dumps([report.files, report.chunks, held.search('boat 7', k=1)[0].source]))"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, str(house)], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = [process.communicate(timeout=200)[0] for process in running]
    assert [json.loads(line) for line in printed] == [[24, 24, "page7.txt"]] * 3
