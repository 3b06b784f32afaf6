"""Draws faults for tools/mutants --sample, and says in the end what came of them.

usage: sample.py list --seed S --count N [--folder F]...    the drawn faults, a line each
       sample.py draw --seed S --count N [--folder F]... --to FOLDER
                                          the same as patches, with others behind them for those that do not compile
       sample.py report RESULTS [--json]  what came of them, from lines of NAME RESULT CHECK FOUND SECONDS
"""
import argparse
import json
import re
import sys
from pathlib import Path

from faults import drawn, faults_of, siblings_of

REPOSITORY = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
CHECKS = Path(__file__).with_name("checks.txt")
PARTS = ("protocol", "nodes", "tools/lockstep/run")
SPARE = 8  # patches for each fault that is wanted: most fields that are taken for another do not compile


def files(*suffixes):
    return sorted(path for part in PARTS for path in (REPOSITORY / part).rglob("*") if path.suffix in suffixes)


def folders_of(checks=CHECKS):
    """The folders that have checks, each with its lines: SECONDS CHECK."""
    folders = {}
    for line in checks.read_text().splitlines():
        if line and not line.startswith("#"):
            folder, check = line.split(maxsplit=1)
            folders.setdefault(folder, []).append(check)
    return folders


def folder_of(path, folders):
    return next((folder for folder in folders if path.startswith(folder + "/")), None)


def all_faults(within=()):
    """Of every source below these folders; of all sources if none is named."""
    siblings = siblings_of(path.read_text() for path in files(".hpp", ".cpp"))
    words = {}  # of each folder: only fields that it has a word for can be taken for another there
    for path in files(".hpp", ".cpp"):
        words.setdefault(path.parent, set()).update(re.findall(r"\w+", path.read_text()))
    faults = []
    for path in files(".cpp"):
        name = str(path.relative_to(REPOSITORY))
        if not within or any(name.startswith(folder.rstrip("/") + "/") for folder in within):
            known = {field: [other for other in others if other in words[path.parent]] for field, others in siblings.items()}
            faults += faults_of(name, path.read_text(), known)
    return faults


def equivalents(text=None):
    """What equivalent.txt argues, as {content of a fault: why it changes nothing}."""
    found = {}
    for entry in (EQUIVALENT.read_text() if text is None else text).split("\n\n")[2:]:
        lines = entry.strip().split("\n")
        path, _, function = lines[0].partition(": ")
        why = next(i for i, line in enumerate(lines) if line.startswith("Why: "))
        changed = {sign: tuple(line[2:] for line in lines[1:why] if line[:2] == sign) for sign in ("- ", "+ ")}
        found[path, function, changed["- "], changed["+ "]] = " ".join(lines[why:])[len("Why: "):]
    return found


def draw(arguments):
    faults = all_faults(arguments.folder)
    if not faults:
        print(f"mutants: no fault can be made in {' '.join(arguments.folder)}", file=sys.stderr)
        sys.exit(2)
    return drawn(faults, arguments.seed)


def print_list(arguments):
    for fault in draw(arguments)[:arguments.count]:
        print(f"{fault.path}:{fault.line}: {fault.kind} in {fault.function}: {fault.one_line()}")


def write_patches(arguments):
    argued, folders, index = equivalents(), folders_of(), {}
    for place, fault in enumerate(draw(arguments)[:SPARE * arguments.count]):
        folder = folder_of(fault.path, folders)
        if folder is None:
            sys.exit(f"mutants: tests/mutants/checks.txt has no check for {fault.path}")
        name = f"{place + 1:04d}"
        why = argued.get(fault.content)
        index[name] = {"file": fault.path, "line": fault.line, "kind": fault.kind, "function": fault.function, "folder": folder,
                       "removed": fault.removed, "added": fault.added}
        says = [f"{fault.path}:{fault.line}: {fault.kind} in {fault.function}: {fault.one_line()}"]
        says += [f"Equivalent: {why}"] if why else [f"Killed-by: {check.split(maxsplit=1)[1]}" for check in folders[folder]]
        patch = fault.patch((REPOSITORY / fault.path).read_text())
        (arguments.to / f"{name}.patch").write_text("\n".join(says) + "\n\n" + patch)
    (arguments.to / "index.json").write_text(json.dumps(index))
    programs = {check.split()[1] for fault in index.values() for check in folders[fault["folder"]]}
    (arguments.to / "programs").write_text("".join(f"{program}\n" for program in sorted(programs)))


# ---- What came of them

class Score:
    def __init__(self):
        self.killed = self.survived = self.equivalent = 0

    def count(self, result):
        setattr(self, result, getattr(self, result) + 1)

    def facts(self):
        return {"killed": self.killed, "survived": self.survived, "equivalent": self.equivalent}

    def __str__(self):
        of = self.killed + self.survived
        share = f"{100 * self.killed / of:.0f} %" if of else "-"
        return f"{self.killed:4} of {of:4} found  {share:>5}  {self.equivalent} equivalent"


def report(arguments):
    index = json.loads((arguments.results.parent / "drawn/index.json").read_text())
    scores, every, survivors = {}, Score(), []
    for line in arguments.results.read_text().splitlines():
        name, result, check, _, seconds = line.split("\t")
        fault = index[name]
        if result == "broken":
            print(f"broken: {fault['file']}:{fault['line']}: {check}", file=sys.stderr)
        if result in ("broken", "uncompiled"):
            continue
        scores.setdefault(fault["folder"], Score()).count(result)
        every.count(result)
        if result == "survived":
            survivors.append(fault)
        if arguments.json:
            print(json.dumps({**fault, "result": result, "check": check, "seconds": int(seconds)}))
    if arguments.json:
        print(json.dumps({**every.facts(), "folders": {folder: score.facts() for folder, score in sorted(scores.items())}}))
        return
    for fault in survivors:
        print(f"survived: {fault['file']}:{fault['line']}: {fault['kind']} in {fault['function']}")
        print("".join(f"  - {line}\n" for line in fault["removed"]) + "".join(f"  + {line}\n" for line in fault["added"]))
    for folder, score in sorted(scores.items()):
        print(f"{folder:24} {score}")
    print(f"{'all':24} {every}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, act in (("list", print_list), ("draw", write_patches)):
        command = commands.add_parser(name)
        command.add_argument("--seed", type=int, required=True)
        command.add_argument("--count", type=int, required=True)
        command.add_argument("--folder", action="append", default=[])
        command.add_argument("--to", type=Path)
        command.set_defaults(act=act)
    command = commands.add_parser("report")
    command.add_argument("results", type=Path)
    command.add_argument("--json", action="store_true")
    command.set_defaults(act=report)
    arguments = parser.parse_args()
    arguments.act(arguments)


if __name__ == "__main__":
    main()
