"""The bundle for a regulator or a court: the log as files, the policy, an index, and a verifier that needs none of us.

The index names each entry by the object of JR/T 0315-2024 (data of regional equity markets' blockchains) that it comes
nearest to; the mapping is ours, since that standard describes the market's objects and not the sharing of data.
"""

import json
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from ledger.durable import write_durably
from ledger.entry import parse_entry
from ledger.folder import CHECKPOINT, CheckedLog, LogFolder
from ledger.log import Log, Tx
from ledger.policy import TrustPolicy
from ledger.serve import Leaves, serve
from ledger.tiles import paths_between

VERIFIER = "lianqiao-verify.pyz"
# first word of an entry's kind -> object of JR/T 0315-2024
OBJECTS: Mapping[str, str] = {
    "member": "主体",
    "membership": "主体",
    "party": "主体",
    "catalogue": "产品",
    "grant": "登记",
    "renewal": "登记",
    "record": "登记",
    "disclosure": "信披",
    "erasure": "监管",
    "policy": "监管",
    "key": "监管",
    "state": "监管",
}
OTHER = "监管"
_PURE = (
    "__init__",
    "errors",
    "durable",
    "merkle",
    "note",
    "checkpoint",
    "cosignature",
    "policy",
    "entry",
    "proof",
    "receipt",
    "tiles",
    "folder",
    "verify",
)

README = """连桥 账本导出 / Lianqiao ledger export

1. 需要:Python 3.11 或更高,以及 cryptography 包。无需联网,无需本系统。
   You need Python 3.11 or later and the package cryptography. No network, and nothing of ours.
2. 核对整本账 / check the whole log:      python lianqiao-verify.pyz log . --policy policy.txt
3. 核对一张回执 / check one receipt:      python lianqiao-verify.pyz receipt 文件.json --policy policy.txt
4. policy.txt 写明信任哪些密钥;请通过其他渠道核对其中的密钥,再相信结果。
   policy.txt says which keys are trusted. Compare its keys with what you were given elsewhere before you believe it.

文件 / files
  checkpoint          最新检查点 / the latest checkpoint (C2SP tlog-checkpoint)
  tile/...            哈希瓦片与条目 / hash tiles and entries (C2SP tlog-tiles)
  index.jsonl         每条一行:序号、类型、时间、对应 JR/T 0315-2024 对象 / one line an entry
  policy.txt          信任策略 / trust policy (C2SP tlog-policy)
  lianqiao-verify.pyz 独立校验程序,可用任意 C2SP 工具替代 / the verifier; any C2SP tool will do instead

条目只含加盐承诺,不含个人信息;字段由持有开封值的一方出示。
Entries hold salted commitments and nothing personal; a field is shown by whoever holds its opening.
"""


def object_of(kind: str) -> str:
    """The object of JR/T 0315-2024 that entries of this kind come nearest to."""
    return OBJECTS.get(kind.replace(".", ":").split(":")[0], OTHER)


async def export_log(tx: Tx, log: Log, folder: Path, trust: TrustPolicy, leaves: Leaves | None = None) -> CheckedLog:
    """True afterwards: the folder is a complete bundle of the log at its latest checkpoint, and was checked against it.

    A log whose entries are no entries of `ledger.entry` has an index without kinds.
    """
    note = await serve(tx, log, CHECKPOINT, leaves)
    size = (await log.checkpoint(tx)).size
    for path in paths_between(0, size):
        write_durably(folder / path, (await serve(tx, log, path, leaves)).body)
    write_durably(folder / "policy.txt", trust.encode().encode())
    write_durably(folder / "README.txt", README.encode())
    write_durably(folder / VERIFIER, verifier_archive())
    write_durably(folder / CHECKPOINT, note.body)
    _write_index(folder, size)
    return LogFolder(folder).check(trust)


def _write_index(folder: Path, size: int) -> None:
    with (folder / "index.jsonl").open("w", encoding="utf-8") as out:
        for index, leaf in enumerate(LogFolder(folder).leaves(0, size)):
            row: dict[str, object] = {"index": index}
            try:
                entry = parse_entry(leaf)
            except ValueError:
                row["object"] = OTHER
            else:
                row |= {"id": entry.entry_id, "kind": entry.kind, "at": entry.at, "object": object_of(entry.kind)}
            out.write(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")


def verifier_archive() -> bytes:
    """The verifier as one executable archive of our own pure modules; the same bytes from the same sources."""
    here = Path(__file__).parent
    buffer = BytesIO(b"#!/usr/bin/env python3\n")
    buffer.seek(0, 2)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        main = "import sys\nfrom ledger.verify import main\nsys.exit(main(sys.argv[1:]))\n"
        _add(archive, "__main__.py", main.encode())
        for name in _PURE:
            _add(archive, f"ledger/{name}.py", (here / f"{name}.py").read_bytes())
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), content)
