"""python train_and_hash.py FOLDER FAMILY SPEC: trains one model in this process and prints the
hash of everything it saved. Tests run it with different PYTHONHASHSEED."""

import hashlib
import json
import sys
from pathlib import Path

from small_study import Study, contents, models

if __name__ == "__main__":
    folder, family, spec = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    study = Study(folder, models(other={"family": "check"}, model=spec))
    study.trained(family)
    digest = hashlib.blake2b()
    for name, content in contents(folder).items():
        digest.update(name.encode() + b"\0" + content)
    print(digest.hexdigest())
