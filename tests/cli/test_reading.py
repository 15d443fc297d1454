"""Tables as people have them: delimiters, quotes, marks of missing values, and what is wrong with a file."""

import gzip
import io
import sys

import numpy as np
import pytest

from ellzero.cli.exits import Exit, Stop
from ellzero.cli.reading import read_table
from ellzero.cli.table import MISSING


def refused(path):
    with pytest.raises(Stop) as caught:
        read_table(path)
    return caught.value.exit, str(caught.value)


def test_kinds_of_columns(write):
    table = read_table(write("a.csv", "number,truth,words\n1.9,True,a\n-3e2,false,b\nNA,true,\n"))
    assert [column.kind for column in table.columns] == ["number", "boolean", "text"]
    np.testing.assert_array_equal(table.column("number").values, [1.9, -300, np.nan])
    np.testing.assert_array_equal(table.column("truth").values, [1, 0, 1])
    assert table.column("words").values.tolist() == ["a", "b", None]
    assert table.n_rows == 3


@pytest.mark.parametrize("mark", sorted(MISSING))
def test_marks_of_missing_values(write, mark):
    table = read_table(write("a.csv", f"x,y\n{mark},1\n1.9,2\n"))
    assert table.column("x").missing.tolist() == [True, False]
    assert table.column("x").kind == "number"


@pytest.mark.parametrize("cell", ["-", "missing", "NIL", "1_000", "1,5", "0x1f"])
def test_other_words_are_text(write, cell):
    table = read_table(write("a.csv", f'x,y\n"{cell}",1\n1.9,2\n'))
    assert table.column("x").kind == "text"
    assert not table.column("x").missing.any()


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.csv", ";"), ("a.txt", "\t"), ("a.tsv", "\t")])
def test_delimiters(write, name, delimiter):
    table = read_table(write(name, "a|b c|d\n1|x y|2\n3|z|4\n".replace("|", delimiter)))
    assert table.names == ["a", "b c", "d"]
    assert table.column("d").values.tolist() == [2, 4]


def test_a_tab_in_the_extension_settles_a_tie(write):
    assert read_table(write("a.tsv", "a,b\tc\n1,2\t3\n")).names == ["a,b", "c"]
    assert read_table(write("a.csv", "a;b,c\n1;2,3\n")).names == ["a;b", "c"]


def test_quotes_byte_order_mark_blank_lines_and_line_ends(write):
    text = '\ufeff"a","b ""x"""\r\n"1,5",2\r\n\r\n"line\nbreak",3\r\n'
    table = read_table(write("a.csv", text))
    assert table.names == ["a", 'b "x"']
    assert table.column("a").values.tolist() == ["1,5", "line\nbreak"]
    assert table.place(0) == "line 2"
    assert table.place(1) == "line 5"


def test_compressed_and_standard_input(write, monkeypatch):
    packed = gzip.compress(b"a,b\n1,2\n")
    assert read_table(write("a.csv.gz", packed)).column("b").values.tolist() == [2]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a,b\n3,4\n")))
    table = read_table("<standard input>")
    assert (table.source, table.column("a").values.tolist()) == ("standard input", [3])


def test_row_names_are_left_out_and_said(write):
    table = read_table(write("a.csv", ",a,b\n1,2,3\n2,4,5\n"))
    assert table.names == ["a", "b"]
    assert table.notes == ("the first column of a.csv has no name; taken as row names and left out.",)


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_in_a_row_are_names(write, first):
    table = read_table(write("a.csv", f"{first},{first + 1},{first + 2}\n1.9,2,3\n"))
    assert table.names == [str(first), str(first + 1), str(first + 2)]


def test_text_on_demand(write):
    table = read_table(write("a.csv", "code,x\n01,1\n7,2\n"), as_text={"code"})
    assert table.column("code").values.tolist() == ["01", "7"]
    assert table.column("x").kind == "number"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "a.csv is empty. A table has a line of column names and one line for each row."),
        ("a.csv", " \n\n", "a.csv is empty. A table has a line of column names and one line for each row."),
        ("a.csv", "x,y\n", "a.csv has 2 columns but no rows."),
        ("a.csv", "x,y,x\n1,2,3\n", 'a.csv has two columns named "x". Rename or remove one.'),
        ("a.csv", "x,,y\n1,2,3\n", "column 2 of a.csv has no name. Name it or remove it."),
        (
            "a.csv",
            "x,y\n1,2\n\n3,4,5\n",
            "line 4 of a.csv has 3 fields, its header 2. Fields are cut at a comma; one inside a field needs "
            "quotes around "
            "the field.",
        ),
        (
            "a.csv",
            "1.5,2\n3,4\n",
            "the first line of a.csv holds numbers, not column names: 1.5, 2. Add a line of names.",
        ),
        ("a.csv", 'x,y\n1,2\n"3,4\n', "the quotes are broken near line 3 of a.csv (unexpected end of data)."),
        ("a.csv", b"x,y\n1,\xe9t\xe9\n", "a.csv is not UTF-8 text (line 2). Save it as CSV in UTF-8, or as Parquet."),
        ("a.csv", b"x,y\n1,\0\n", "a.csv is not UTF-8 text (line 2). Save it as CSV in UTF-8, or as Parquet."),
    ],
)
def test_bad_files(write, name, text, message):
    assert refused(write(name, text)) == (Exit.DATA, message)


def test_damaged_gzip(write):
    code, message = refused(write("a.csv.gz", gzip.compress(b"a,b\n1,2\n" * 50)[:-9]))
    assert code == Exit.DATA
    assert message.startswith('cannot read "a.csv.gz"')


def test_no_such_file_and_a_folder(tmp_path):
    code, message = refused(str(tmp_path / "no.csv"))
    assert code == Exit.DATA
    assert message.startswith("no file ")
    code, message = refused(str(tmp_path))
    assert code == Exit.DATA
    assert message.startswith("cannot read ")


def arrow_table(pa):
    text = pa.array(["a", None, "b"])
    return pa.table(
        {
            "whole": pa.array([1, 2, None]),
            "real": pa.array([0.37, float("nan"), 1.9]),
            "truth": pa.array([True, False, None]),
            "text": text,
            "level": text.dictionary_encode(),
            "day": pa.array([0, 1, 2], pa.date32()),
        }
    )


@pytest.mark.parametrize("form", ["parquet", "feather", "stream"])
def test_parquet_and_arrow(write, form):
    pa = pytest.importorskip("pyarrow")
    import pyarrow.feather
    import pyarrow.parquet

    sink = io.BytesIO()
    if form == "parquet":
        pyarrow.parquet.write_table(arrow_table(pa), sink)
    elif form == "feather":
        pyarrow.feather.write_feather(arrow_table(pa), sink)
    else:
        with pa.ipc.new_stream(sink, arrow_table(pa).schema) as out:
            out.write_table(arrow_table(pa))
    table = read_table(write("a.any", sink.getvalue()))
    assert [column.kind for column in table.columns] == ["number", "number", "boolean", "text", "text", "other"]
    np.testing.assert_array_equal(table.column("whole").values, [1, 2, np.nan])
    np.testing.assert_array_equal(table.column("real").values, [0.37, np.nan, 1.9])
    assert table.column("level").values.tolist() == ["a", None, "b"]
    assert table.place(1) == "row 2"


def test_parquet_without_pyarrow(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert refused(write("a.parquet", b"PAR1 something")) == (
        Exit.EXTRA,
        'a.parquet is a Parquet or Arrow file. To read it: pip install "ellzero[data]"',
    )


def test_damaged_parquet(write):
    pytest.importorskip("pyarrow")
    code, message = refused(write("a.parquet", b"PAR1" + bytes(50)))
    assert code == Exit.DATA
    assert message.startswith('cannot read "a.parquet"')
