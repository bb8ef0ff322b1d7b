#!/usr/bin/env bash
# Writes the documents that come from the code: configuration.md and dependencies.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
dotnet build tests/Deploy.Tests -c Release -v quiet
WRITE_DOCUMENTS=1 dotnet test tests/Deploy.Tests -c Release --no-build \
    --filter 'FullyQualifiedName~Reference_is_what_the_options_say|FullyQualifiedName~List_is_what_the_programs_are_built_from'
