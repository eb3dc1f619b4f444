"""Makes a Python and a Node package, and the files of two indexes that offer them, in the directory that is named."""

import base64
import hashlib
import io
import json
import pathlib
import sys
import tarfile
import zipfile

root = pathlib.Path(sys.argv[1])

wheel = "vaulted-1.0-py3-none-any.whl"
(root / "simple/vaulted").mkdir(parents=True)
(root / "simple/vaulted/index.html").write_text(f'<a href="/files/{wheel}">{wheel}</a>')
(root / "files").mkdir()
with zipfile.ZipFile(root / "files" / wheel, "w") as archive:
    archive.writestr("vaulted.py", "WORD = 'from a private index'\n")
    archive.writestr("vaulted-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: vaulted\nVersion: 1.0\n")
    archive.writestr("vaulted-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    archive.writestr("vaulted-1.0.dist-info/RECORD", "")

manifest = {"name": "vaulted", "version": "1.0.0", "main": "index.js"}
tarball = io.BytesIO()
with tarfile.open(fileobj=tarball, mode="w:gz") as archive:
    for name, text in [("package.json", json.dumps(manifest)), ("index.js", "module.exports = 'from a private index';\n")]:
        entry = tarfile.TarInfo(f"package/{name}")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text.encode()))
(root / "files/vaulted-1.0.0.tgz").write_bytes(tarball.getvalue())
integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball.getvalue()).digest()).decode()
version = manifest | {"dist": {"tarball": "https://npm.test/files/vaulted-1.0.0.tgz", "integrity": integrity}}
(root / "vaulted").write_text(
    json.dumps({"name": "vaulted", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}})
)
