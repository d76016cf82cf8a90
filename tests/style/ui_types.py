"""The browser side passes TypeScript's strict check (skipped where its packages are not installed)."""
import pathlib
import subprocess
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
ui = root / "web" / "ui"
compiler = ui / "node_modules" / ".bin" / "tsc"
if not (ui / "tsconfig.json").exists() or not compiler.exists():
    print("the browser side's packages are not installed")
    sys.exit(77)
done = subprocess.run([str(compiler), "--noEmit", "-p", "."], cwd=ui, capture_output=True, text=True, check=False)
print(done.stdout + done.stderr)
sys.exit(1 if done.returncode else 0)
