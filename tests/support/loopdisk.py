"""A disk of its own for a test: ext4 in a file, by a loop device, that can lose its power. The test is skipped where
that cannot be had."""
import fcntl
import os
import shutil
import struct
import subprocess
import time

import support

SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32): FS_IOC_SHUTDOWN
NO_LOG_FLUSH = 2       # not even the file system's own journal is written


def _run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stderr.strip()


class LoopDisk:
    """Use as a context; `path` is where it is mounted."""

    def __init__(self, directory, megabytes, options="noatime"):
        self.image = directory / "image"
        self.path = directory / "mounted"
        self.options = options
        self.mounted = False
        self.path.mkdir(parents=True)
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        self.megabytes = megabytes

    def __enter__(self):
        if os.geteuid() or not shutil.which("mkfs.ext4"):
            support.skip("needs root and mkfs.ext4")
        good, why = _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)
        if not good:
            support.skip(f"mkfs.ext4: {why}")
        self.mount()
        return self

    def mount(self):
        good, why = _run("mount", "-o", "loop," + self.options, self.image, self.path)
        if not good:
            support.skip(f"no loop device: {why}")
        self.mounted = True

    def cut(self):
        """The power goes: whatever is not on the disk by now is gone. Then it can be mounted again."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def unmount(self):
        """Tried until nobody uses it any more."""
        deadline = time.monotonic() + 10
        while self.mounted:
            good, why = _run("umount", self.path)
            self.mounted = not good
            if not good and time.monotonic() > deadline:
                raise AssertionError(f"umount: {why}")
            if not good:
                time.sleep(0.05)

    def __exit__(self, kind, value, trace):
        if self.mounted and not _run("umount", self.path)[0]:
            _run("umount", "-l", self.path)
