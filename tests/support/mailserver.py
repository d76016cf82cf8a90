"""A real mail server, private to one test: Debian's exim run as a process of our own, on a loopback port, with its
spool and one mailbox per address in a directory of the test. The machine's own mail is not touched."""
import email
import email.policy
import os
import pathlib
import pwd
import shutil
import socket
import subprocess

import support

CONFIG = """\
exim_path = {binary}
exim_user = {user}
exim_group = {group}
never_users =
deliver_drop_privilege = true
primary_hostname = mail.test
spool_directory = {spool}
log_file_path = {spool}/log/%slog
pid_file_path = {spool}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
{tls}
acl_smtp_rcpt = acl_rcpt
host_lookup =
rfc1413_hosts =
smtp_receive_timeout = 20s
message_size_limit = 1M
queue_only = false
keep_environment =
begin acl
acl_rcpt:
  accept domains = example.org
  deny message = not here
begin routers
mailbox:
  driver = accept
  transport = mailbox
begin transports
mailbox:
  driver = appendfile
  directory = {mail}/${{lookup{{$local_part}}lsearch{{{users}}}{{$value}}}}
  maildir_format = true
  create_directory = true
  user = {user}
  group = {group}
begin retry
* * F,1h,1s
"""


def find_exim():
    """Path of exim, or None where the machine has another mail server."""
    return shutil.which("exim4", path="/usr/sbin:/usr/bin") or shutil.which("exim", path="/usr/sbin:/usr/bin")


class MailServer:
    """Accepts everything for USER@example.org, with USER one of `users`. `certificate`: a file with certificate and key,
    by which STARTTLS is offered."""

    def __init__(self, directory, users=("ops", "oncall"), certificate=None):
        binary = find_exim()
        if not binary:
            support.skip("no exim here: another mail server is installed")
        self.directory = pathlib.Path(directory)
        self.mail = self.directory / "mail"
        spool = self.directory / "spool"
        for path in (self.mail, spool / "log"):
            path.mkdir(parents=True, exist_ok=True)
        root = os.geteuid() == 0
        user = "Debian-exim" if root else pwd.getpwuid(os.geteuid()).pw_name
        entry = pwd.getpwnam(user)
        (self.directory / "users").write_text("".join(f"{name}: {name}\n" for name in users))
        self.port = support.free_port()
        self.config = self.directory / "exim.conf"
        tls = "tls_advertise_hosts ="
        if certificate:
            own = self.directory / "certificate.pem"
            own.write_text(certificate.read_text())
            tls = f"tls_advertise_hosts = *\ntls_certificate = {own}"
        self.config.write_text(CONFIG.format(binary=binary, tls=tls, user=user, group=entry.pw_gid, spool=spool, port=self.port,
                                             mail=self.mail, users=self.directory / "users"))
        if root:
            for path in [self.directory, *self.directory.rglob("*")]:
                os.chown(path, entry.pw_uid, entry.pw_gid)
            support.make_reachable(self.directory)
            os.chown(self.config, 0, 0)
        self.log = open(self.directory / "exim.log", "wb")
        self.process = subprocess.Popen([binary, "-C", str(self.config), "-bdf"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        support.wait_for(self._answers, 10, "the mail server answers")

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError("exim ended: " + (self.directory / "exim.log").read_text())
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                return s.recv(4) == b"220 "
        except OSError:
            return False

    def messages(self, user):
        """All mails to that user so far, as email.message objects, oldest first."""
        new = self.mail / user / "new"
        paths = sorted(new.iterdir(), key=lambda p: (p.stat().st_mtime_ns, p.name)) if new.is_dir() else []
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
