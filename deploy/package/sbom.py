#!/usr/bin/python3
"""sbom.py FILE VERSION LIST: what FILE holds or needs, as SPDX 2.3 in JSON, from Debian's own records. LIST has a shared library a
line, by its path, or a Debian package a line: name, version, source and home page, with tabs between."""
import datetime
import json
import os
import re
import subprocess
import sys


def owner_of(library):
    """The Debian package that a file belongs to, and its version and source."""
    # By name: /lib is a link to /usr/lib, and Debian 12 records either.
    said = subprocess.run(["dpkg-query", "-S", "*/" + os.path.basename(os.path.realpath(library))], check=True, capture_output=True, text=True).stdout
    package = said.splitlines()[0].split(": ")[0]
    fields = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\t${Version}\t${source:Package}\t${Homepage}", package],
                            check=True, capture_output=True, text=True).stdout
    return tuple(fields.split("\t"))


def main():
    name, version, libraries = sys.argv[1:]
    when = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    with open(libraries, encoding="utf-8") as lines:
        owners = sorted({tuple(line.strip("\n").split("\t")) if "\t" in line else owner_of(line.strip()) for line in lines})
    packages = [{"SPDXID": "SPDXRef-kneepoint", "name": "kneepoint", "versionInfo": version, "packageFileName": name,
                 "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "Apache-2.0",
                 "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION"}]
    relations = [{"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-kneepoint", "relationshipType": "DESCRIBES"}]
    for package, its_version, source, homepage in owners:
        identity = "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", package)
        packages.append({"SPDXID": identity, "name": package, "versionInfo": its_version,
                         "sourceInfo": f"Debian source package {source}", "homepage": homepage or "NOASSERTION",
                         "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
                         "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
                         "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                           "referenceLocator": f"pkg:deb/debian/{package}@{its_version}"}]})
        relations.append({"spdxElementId": "SPDXRef-kneepoint", "relatedSpdxElement": identity, "relationshipType": "DEPENDS_ON"})
    json.dump({"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
               "documentNamespace": f"https://kneepoint.invalid/spdx/{name}",
               "creationInfo": {"created": when.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: kneepoint-sbom"]},
               "packages": packages, "relationships": relations}, sys.stdout, indent=1)
    print()


main()
