"""What tools/mutants --sample is made of: the tokens, the faults, their order, and that only its own processes are ended."""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import sample
from cpp import tokens_of
from faults import drawn, faults_of, siblings_of

CONTAINED = Path(__file__).with_name("contained")


def texts(source):
    return [token.text for token in tokens_of(source)]


def made(source, kind, siblings=None):
    """The lines after each fault of this kind."""
    found = (fault for fault in faults_of("a.cpp", source, siblings or {}) if fault.kind == kind)
    return [" ".join(fault.added) for fault in found]


def in_function(statements):
    return f"void f() {{\n{statements}\n}}\n"


class Tokens(unittest.TestCase):
    def test_comments_and_preprocessor_lines_are_none(self):
        source = "#include <a>\n#define A(x) \\\n  (x < 1)\nint /* a < b */ a;  // 1 < 2\n"
        self.assertEqual(texts(source), ["int", "a", ";"])

    def test_a_string_is_one(self):
        self.assertEqual(texts(r'''f("a \" < // b", 'x', '\'', R"x(a)" < b)x");'''),
                         ["f", "(", r'"a \" < // b"', ",", "'x'", ",", r"'\''", ",", 'R"x(a)" < b)x"', ")", ";"])

    def test_the_longest_mark_is_taken(self):
        self.assertEqual(texts("a <=> b <<= c->*d && e... 1'000.5e-3 0xfe-1"),
                         ["a", "<=>", "b", "<<=", "c", "->*", "d", "&&", "e", "...", "1'000.5e-3", "0xfe", "-", "1"])

    def test_each_knows_its_line_and_its_function(self):
        source = ("namespace a {\nconstexpr int kTwo = 2;\nstruct B {\n  int c() const { return d; }\n  int d{3};\n};\n"
                  "B::B(int x) : d{x}, e(4) {\n  run([&] { go(); });\n}\n}\n")
        places = {token.text: (token.line, token.function) for token in tokens_of(source)}
        self.assertEqual(places["2"], (2, ""))
        self.assertEqual(places["return"], (4, "c"))
        self.assertEqual(places["3"], (5, ""))
        self.assertEqual(places["go"], (8, "B::B"))

    def test_every_source_of_the_tree_can_be_read(self):
        for path in sample.files(".hpp", ".cpp"):
            for token in tokens_of(path.read_text()):
                self.assertTrue(token.text not in ("(", ")", "[", "]", "{", "}") or token.partner >= 0, path)


class Faults(unittest.TestCase):
    def test_a_comparison_has_another_boundary(self):
        self.assertEqual(made(in_function("return a < b;"), "boundary"), ["return a <= b;"])
        self.assertEqual(made(in_function("return a != b;"), "boundary"), ["return a == b;"])

    def test_an_angle_bracket_of_a_template_is_no_comparison(self):
        self.assertEqual(made(in_function("std::map<int, std::set<int>> a = b<c>(d);"), "boundary"), [])
        self.assertEqual(made("template <typename A>\nA f() {\n  return A();\n}\n", "boundary"), [])

    def test_a_reference_to_a_temporary_is_no_logic(self):
        self.assertEqual(made(in_function("for (auto&& a : b) c(a && d);"), "logic"), ["for (auto&& a : b) c(a || d);"])

    def test_assertions_and_texts_are_spared(self):
        source = in_function('INVARIANT(a < 1 && f(b), "x < 1");\nstatic_assert(1 < 2);\na.check_invariants();')
        self.assertEqual(faults_of("a.cpp", source, {}), [])
        self.assertEqual(faults_of("a.cpp", "void A::check_invariants() {\n  if (a < 1) b();\n}\n", {}), [])

    def test_a_condition_is_negated_but_no_declaration(self):
        self.assertEqual(made(in_function("if (a || b) {\n  c();\n}"), "branch"), ["if (!(a || b)) {"])
        self.assertEqual(made(in_function("if (auto a = b(); !a) c();"), "branch"), ["if (auto a = b(); !(!a)) c();"])
        self.assertEqual(made(in_function("if (auto* a = b()) c();"), "branch"), [])

    def test_a_call_or_an_assignment_on_one_line_is_deleted(self):
        self.assertEqual(made(in_function("a.b(c)->d(e);"), "statement"), ["{}"])
        self.assertEqual(made(in_function("if (a) b[c] += 1;"), "statement"), ["if (a) {}"])
        self.assertEqual(made(in_function("++*a;\n*b = 1;"), "statement"), ["{}", "{}"])

    def test_declarations_returns_and_longer_statements_stay(self):
        for statement in ("int a = 1;", "const A a(b);", "return f(a);", "f(a,\n  b);", "a->b;", "a.reserve(b);", "using A = B;"):
            self.assertEqual(made(in_function(statement), "statement"), [], statement)

    def test_constants_change_and_so_do_the_smaller_and_the_larger(self):
        self.assertEqual(made(in_function("a = b + 1;"), "constant"), ["a = b + 0;"])
        self.assertEqual(made("constexpr int kA = 20;\n", "constant"), ["constexpr int kA = 21;"])
        self.assertEqual(made(in_function("return std::min(a, b);"), "constant"), ["return std::max(a, b);"])
        self.assertEqual(made(in_function("return Limits::min();"), "constant"), [])
        self.assertEqual(made(in_function("a_ = true;"), "constant"), ["a_ = false;"])

    def test_an_else_is_dropped_with_all_that_hangs_on_it(self):
        source = in_function("if (a) {\n  b();\n} else if (c) {\n  d();\n} else {\n  e();\n}\ng();")
        self.assertEqual(made(source, "else"), ["", ""])
        first = next(fault for fault in faults_of("a.cpp", source, {}) if fault.kind == "else")
        self.assertEqual(texts(first.planted(source)), texts(in_function("if (a) {\n  b();\n}\ng();")))

    def test_an_early_return_is_dropped(self):
        self.assertEqual(made(in_function("if (a) return b;\nreturn c;"), "return"), ["{}"])
        self.assertEqual(made(in_function("if (a) return b;\nelse return c;"), "return"), [])

    def test_a_field_is_taken_for_another_of_its_type(self):
        siblings = siblings_of(["struct A {\n  int a{};\n  bool b = false;\n  int c{};  // d\n  int e() const { return a; }\n};\n"])
        self.assertEqual(siblings, {"a": ["c"], "c": ["a"]})
        self.assertEqual(made(in_function("return x.a;"), "field", siblings), ["return x.c;"])
        self.assertEqual(made(in_function("return x.a() + a;"), "field", siblings), [])

    def test_a_program_has_none(self):
        self.assertEqual(faults_of("a.cpp", "int main() {\n  return 1 < 2;\n}\n", {}), [])


class Drawing(unittest.TestCase):
    def setUp(self):
        self.source = in_function("\n".join(f"if (a{i} < {i}) b{i}(c);" for i in range(20)))

    def shown(self, seed, source=None):
        return [fault.one_line() for fault in drawn(faults_of("a.cpp", source or self.source, {}), seed)]

    def test_a_seed_draws_the_same(self):
        self.assertEqual(self.shown(1), self.shown(1))
        self.assertNotEqual(self.shown(1), self.shown(2))

    def test_all_kinds_come_in_each_round(self):
        kinds = [fault.kind for fault in drawn(faults_of("a.cpp", self.source, {}), 1)]
        self.assertEqual(sorted(kinds[:4]), ["boundary", "branch", "constant", "statement"])
        self.assertEqual(sorted(kinds[4:8]), sorted(kinds[:4]))

    def test_what_stands_elsewhere_does_not_change_the_order(self):
        longer = "// a comment\n\n" + self.source + in_function("if (x == y) z();").replace("f()", "g()")
        others = [line for line in self.shown(1, longer) if "(x == y)" not in line and "!(x" not in line]
        by_kind = [[line for line in shown if " <= " in line] for shown in (self.shown(1), others)]
        self.assertEqual(by_kind[0], by_kind[1])

    def test_a_patch_applies(self):
        fault = drawn(faults_of("a.cpp", self.source, {}), 3)[0]
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.cpp").write_text(self.source)
            environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(Path(folder).parent)}
            subprocess.run(["git", "apply"], input=fault.patch(self.source), text=True, cwd=folder, env=environment, check=True)
            self.assertEqual((Path(folder) / "a.cpp").read_text(), fault.planted(self.source))


class Files(unittest.TestCase):
    def test_every_folder_with_faults_has_checks(self):
        folders = sample.folders_of()
        for path in sample.files(".cpp"):
            self.assertIsNotNone(sample.folder_of(str(path.relative_to(sample.REPOSITORY)), folders), path)
        for checks in folders.values():
            for check in checks:
                self.assertTrue(check.split()[0].isdigit(), check)

    def test_what_is_argued_to_change_nothing_is_still_drawn(self):
        drawn_now = {fault.content for fault in sample.all_faults()}
        for content in sample.equivalents():
            self.assertTrue(content in drawn_now, content)

    def test_a_patch_says_what_is_asked_or_why_nothing_is(self):
        arguments = argparse.Namespace(seed=1, count=1, folder=["nodes/text"])
        first, second = sample.draw(arguments)[:2]
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(sample, "EQUIVALENT", Path(folder) / "equivalent.txt"):
            changed = [f"- {line}" for line in first.removed] + [f"+ {line}" for line in first.added]
            entry = "\n".join([f"{first.path}: {first.function}", *changed, "Why: nobody sees it."])
            sample.EQUIVALENT.write_text(f"What it is.\n\nHow it is read.\n\n{entry}\n")
            arguments.to = Path(folder)
            sample.write_patches(arguments)
            says = [(arguments.to / name).read_text().split("\n\n")[0].split("\n") for name in ("0001.patch", "0002.patch")]
        self.assertEqual(says[0][1:], ["Equivalent: nobody sees it."])
        self.assertIn(second.one_line(), says[1][0])
        self.assertEqual(says[1][1], "Killed-by: unit_text")

    def test_an_argument_is_read_with_all_its_lines(self):
        read = sample.equivalents("What it is.\n\nHow it is read.\n\na/b.cpp: C::d\n- e\n- f\n+ g\nWhy: h,\ni.\n")
        self.assertEqual(read, {("a/b.cpp", "C::d", ("e", "f"), ("g",)): "h, i."})

    def test_the_report_counts_by_folder_and_names_survivors(self):
        with tempfile.TemporaryDirectory() as folder:
            fault = {"file": "a/b.cpp", "line": 7, "kind": "logic", "function": "c", "folder": "a", "removed": ["x"], "added": ["y"]}
            (Path(folder) / "drawn").mkdir()
            (Path(folder) / "drawn/index.json").write_text(json.dumps({name: fault for name in "1234"}))
            results = Path(folder) / "results"
            results.write_text("".join(f"{name}\t{result}\tunit_a\t-\t5\n" for name, result in
                                       zip("1234", ("killed", "survived", "equivalent", "uncompiled"))))
            command = [sys.executable, sample.__file__, "report", results]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            self.assertIn("survived: a/b.cpp:7: logic in c\n  - x\n  + y\n", told)
            self.assertIn("1 of    2 found   50 %  1 equivalent", told)
            lines = subprocess.run(command + ["--json"], capture_output=True, text=True, check=True).stdout.splitlines()
            self.assertEqual(len(lines), 4)
            self.assertEqual(json.loads(lines[-1]), {"killed": 1, "survived": 1, "equivalent": 1,
                                                     "folders": {"a": {"killed": 1, "survived": 1, "equivalent": 1}}})


class Program(unittest.TestCase):
    def mutants(self, *arguments):
        return subprocess.run([sample.REPOSITORY / "tools/mutants", *arguments], capture_output=True, text=True)

    def test_it_lists_what_is_drawn(self):
        wanted = ["--sample", "3", "--seed", "5", "--folder", "protocol/base", "nodes/text", "--list-only"]
        listed = self.mutants(*wanted)
        lines = listed.stdout.splitlines()
        self.assertEqual((listed.returncode, len(lines)), (0, 3), listed.stderr)
        for line in lines:
            self.assertRegex(line, r"^(protocol/base|nodes/text)/\w+\.cpp:\d+: .*  =>  ")
        self.assertEqual(self.mutants(*wanted).stdout, listed.stdout)

    def test_what_makes_no_sense_is_refused(self):
        for arguments in (["--sample", "0"], ["--list-only"], ["--folder", "nodes"], ["--sample", "1", "--subset"],
                          ["--sample", "1", "--folder", "nowhere", "--list-only"]):
            self.assertEqual(self.mutants(*arguments).returncode, 2, arguments)


class Contained(unittest.TestCase):
    """Each test has a bystander that looks like the command: it must live, and is ended by its own id."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.program = self.folder / "check"
        self.program.symlink_to("/bin/sleep")
        self.bystander = subprocess.Popen([self.program, "600"])
        self.addCleanup(self.bystander.wait)
        self.addCleanup(self.bystander.kill)

    def tearDown(self):
        self.assertIsNone(self.bystander.poll())

    def start(self, seconds, script):
        script = f"cd {self.folder}; {script}"
        return subprocess.Popen([CONTAINED, str(seconds), "/bin/sh", "-c", script])

    def run_to_its_end(self, seconds, script):
        return self.start(seconds, script).wait()

    def child(self):
        """The id that the script wrote, once it has."""
        while not (self.folder / "child").exists():
            time.sleep(0.01)
        return int((self.folder / "child").read_text())

    def assert_gone(self, pid):
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)

    # The child has a session of its own, as a node has that a test left behind. Its id is there once it has its name.
    CHILD = "setsid ./check 600 & echo $! > new; mv new child; "

    def test_the_exit_status_is_that_of_the_command(self):
        self.assertEqual(self.run_to_its_end(600, "exit 13"), 13)
        self.assertEqual(self.run_to_its_end(600, "kill -ABRT $$"), 128 + signal.SIGABRT)
        self.assertEqual(self.run_to_its_end(600, "exec ./missing 2>/dev/null"), 127)

    def test_what_the_command_leaves_behind_is_ended(self):
        self.assertEqual(self.run_to_its_end(600, self.CHILD + "exit 3"), 3)
        self.assert_gone(self.child())

    def test_a_command_that_does_not_end_is_ended(self):
        self.assertEqual(self.run_to_its_end(1, self.CHILD + "exec ./check 600"), 124)
        self.assert_gone(self.child())

    def test_all_is_ended_when_it_is_told_to_end(self):
        contained = self.start(600, self.CHILD + "exec ./check 600")
        child = self.child()
        contained.terminate()
        self.assertEqual(contained.wait(), 128 + signal.SIGTERM)
        self.assert_gone(child)


if __name__ == "__main__":
    unittest.main()
