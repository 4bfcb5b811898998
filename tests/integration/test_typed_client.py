"""A TypeScript client generated from the OpenAPI document knows the arguments of every function."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.machine import ROOT

BIN = ROOT / "frontend" / "node_modules" / ".bin"
OPTIONS = {"strict": True, "noEmit": True, "types": [], "module": "esnext", "moduleResolution": "bundler"}
MODULES = "tests.support.sample_tasks"
CLIENT = """
import type { paths } from "./schema";

type Arguments<P extends keyof paths> = paths[P] extends {
  post: { requestBody?: { content: { "application/json": infer A } } };
}
  ? A
  : never;

function submit<P extends keyof paths>(path: P, body: Arguments<P>): string {
  return JSON.stringify([path, body]);
}

submit("/api/functions/takes_bounded/", { value: 4 });
submit("/api/functions/takes_literal/", { value: "red" });
submit("/api/functions/takes_enum/", { value: "blue" });
submit("/api/functions/takes_optional/", {});
submit("/api/functions/takes_optional/", { value: null });
submit("/api/functions/takes_model/", { value: { id: "x", addresses: [{ street: "Elm", number: 3 }] } });
submit("/api/functions/takes_union/", { value: ["a"] });
submit("/api/functions/takes_users/", { value: [1, 2], group: 3 });

// @ts-expect-error a string is no number
submit("/api/functions/takes_bounded/", { value: "4" });
// @ts-expect-error not one of the values
submit("/api/functions/takes_literal/", { value: "green" });
// @ts-expect-error not a value of the enum
submit("/api/functions/takes_enum/", { value: "green" });
// @ts-expect-error the argument is missing
submit("/api/functions/takes_bounded/", {});
// @ts-expect-error the argument has another name
submit("/api/functions/takes_optional/", { valu: 1 });
// @ts-expect-error a nested key is missing
submit("/api/functions/takes_model/", { value: { id: "x", addresses: [{ street: "Elm" }] } });
// @ts-expect-error there is no such function
submit("/api/functions/takes_nothing/", {});
"""


def run(folder: Path, *command: str, **settings: str) -> None:
    environment = {**os.environ, "TASKDECK_DATA_DIR": str(folder / "data"), **settings}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_generated_client_takes_right_arguments_and_refuses_wrong_ones(tmp_path: Path) -> None:
    document, types, client = (tmp_path / name for name in ("openapi.json", "schema.d.ts", "client.ts"))
    spectacular = (sys.executable, "manage.py", "spectacular", "--format", "openapi-json")
    run(tmp_path, *spectacular, "--file", str(document), TASKDECK_MODULES=MODULES)
    run(tmp_path, str(BIN / "openapi-typescript"), str(document), "--output", str(types))
    client.write_text(CLIENT)
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": [client.name]}))
    run(tmp_path, str(BIN / "tsc"), "--project", str(tmp_path))
