"""sbatch, srun, sacct and scancel for one machine, enough for submitit; state in $FAKE_SLURM."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMANDS = ("sbatch", "srun", "sacct", "scancel")


def install(folder: Path) -> dict[str, str]:
    """Puts the commands into a folder; the variables with which they are found."""
    commands = folder / "bin"
    commands.mkdir(parents=True)
    for name in COMMANDS:
        file = commands / name
        file.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} {name} "$@"\n')
        file.chmod(0o755)
    return {"PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "FAKE_SLURM": str(folder)}


def sbatch(state: Path, script: str) -> None:
    """Starts the script, as job number 1, 2, ..."""
    number = 1 + len(list(state.glob("*.sh")))
    shutil.copy(script, state / f"{number}.sh")
    environment = os.environ | {
        "SLURM_JOB_ID": str(number), "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1",
        "SLURM_NODEID": "0", "SLURM_PROCID": "0", "SLURM_LOCALID": "0",
    }  # fmt: skip
    process = subprocess.Popen(
        ["bash", str(state / f"{number}.sh")],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    (state / f"{number}.pid").write_text(str(process.pid))
    print(f"Submitted batch job {number}")


def srun(state: Path, *arguments: str) -> None:
    """Becomes the command, whose output goes where --output and --error say."""
    told = list(arguments)
    for flag, descriptor in (("--output", 1), ("--error", 2)):
        name = told[told.index(flag) + 1]
        name = name.replace("%j", os.environ["SLURM_JOB_ID"]).replace("%t", "0")
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), descriptor)
        del told[told.index(flag) : told.index(flag) + 2]
    command = [word for word in told if word != "--unbuffered"]
    os.execvp(command[0], command)


def sacct(state: Path, *arguments: str) -> None:
    print("JobID|State|NodeList")
    for file in state.glob("*.pid"):
        ended = (state / f"{file.stem}.state").exists() or not Path(
            f"/proc/{file.read_text()}"
        ).exists()
        print(f"{file.stem}|{'CANCELLED' if ended else 'RUNNING'}|here")


def scancel(state: Path, number: str) -> None:
    (state / f"{number}.state").write_text("CANCELLED")
    os.killpg(int((state / f"{number}.pid").read_text()), 15)


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(os.environ["FAKE_SLURM"]), *sys.argv[2:])
