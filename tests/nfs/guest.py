"""Process 1 of a laboratory host, inside its kernel: sets the host up, then runs what it is asked.

Its root is the machine's own file system, read-only. Standard library only; nothing of the tests
is imported here, since this is started by a kernel and not by pytest.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

PORT = 7777
#: The hosts' own, hiding the machine's.
PRIVATE = ("/run", "/tmp", "/mnt", "/var/lib/nfs", "/dev/shm")
MODULES = "/usr/lib/uml/modules"
EXPORT = "/mnt/export"
_FINIT_MODULE = 313
_READ_ONLY, _BIND = 1, 4096
_EEXIST = 17
libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags=0, data=""):
    words = (word.encode() for word in (source, target, kind))
    if libc.mount(*words, flags, data.encode()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), f"mount {source} {target}")


def sh(text):
    done = subprocess.run(text, shell=True, capture_output=True, text=True, check=False)
    if done.returncode:
        print("failed:", text, done.stdout, done.stderr, flush=True)


def load_modules(*names):
    """What modprobe does, without its list of the machine's own kernel."""
    root = f"{MODULES}/{os.uname().release}"
    needs = {}
    with open(f"{root}/modules.dep", encoding="ascii") as table:
        for line in table:
            path, _, others = line.partition(":")
            needs[os.path.basename(path).removesuffix(".ko")] = [path, *others.split()]
    for name in names:
        for path in reversed(needs.get(name, [])):
            load_module(f"{root}/{path}")


def load_module(path):
    fd = os.open(path, os.O_RDONLY)
    if libc.syscall(_FINIT_MODULE, fd, b"", 0) and ctypes.get_errno() != _EEXIST:
        print("cannot load", path, os.strerror(ctypes.get_errno()), flush=True)
    os.close(fd)


def replace_file(path, text):
    """Give this host its own version of a file of the machine's."""
    own = f"/run/lab/{os.path.basename(path)}"
    with open(own, "w", encoding="ascii") as file:
        file.write(text)
    if os.path.exists(path):
        mount(own, path, "none", _BIND)


def set_up(options):
    mount("sysfs", "/sys", "sysfs")
    arrange_folders(options)
    join_networks(options)
    for folder in ("rpc_pipefs", "v4recovery", "sm", "sm.bak", "nfsdcld"):
        os.makedirs(f"/var/lib/nfs/{folder}", exist_ok=True)
    if options["name"] == "srv":
        serve_files(options["export"])
    else:
        load_modules("nfsv4", "nfsv3")
        sh("rpcbind -w; rpc.statd --no-notify")


def arrange_folders(options):
    """Empty ones of this host's own, and in them what is to be seen of the machine's."""
    for folder in filter(os.path.isdir, PRIVATE):
        mode = "1777" if folder in {"/tmp", "/dev/shm"} else "755"
        mount("tmpfs", folder, "tmpfs", 0, f"mode={mode}")
    for folder in filter(None, options.get("show", "").split(":")):
        os.makedirs(folder, exist_ok=True)
        mount("none", folder, "hostfs", _READ_ONLY, folder)
    os.makedirs("/run/lab")


def join_networks(options):
    names = "".join(f"{pair.replace('=', ' ')}\n" for pair in options["hosts"].split(","))
    replace_file("/etc/hosts", f"127.0.0.1 localhost\n{names}")
    socket.sethostname(options["name"])
    sh(
        f"ip link set lo up;"
        f"ip link set eth0 up && ip addr add {options['address']}/24 dev eth0;"
        f"ip link set eth1 up && ip addr add {options['control']}/24 dev eth1"
    )


def serve_files(options):
    """Be the file server: the kernel's nfsd over ext4 on a disk that outlives a power loss."""
    load_modules("nfsd")
    os.makedirs(EXPORT)
    mount("/dev/ubda", EXPORT, "ext4")
    os.makedirs(f"{EXPORT}/spool", exist_ok=True)
    os.chmod(f"{EXPORT}/spool", 0o1777)
    for folder in ("nfsdcld", "sm"):  # who the clients were must survive a restart
        os.makedirs(f"{EXPORT}/.server/{folder}", exist_ok=True)
        mount(f"{EXPORT}/.server/{folder}", f"/var/lib/nfs/{folder}", "none", _BIND)
    mount("nfsd", "/proc/fs/nfsd", "nfsd")
    mount("sunrpc", "/var/lib/nfs/rpc_pipefs", "rpc_pipefs")
    for setting in ("nfsv4leasetime", "nfsv4gracetime"):
        with open(f"/proc/fs/nfsd/{setting}", "w", encoding="ascii") as file:
            file.write("10")  # the kernel's least
    # No lock of either protocol is given before the grace of both is over.
    with open("/proc/sys/fs/nfs/nlm_grace_period", "w", encoding="ascii") as file:
        file.write("1")
    for name in ("etab", "rmtab"):
        open(f"/var/lib/nfs/{name}", "w", encoding="ascii").close()
    replace_file("/etc/exports", f"{EXPORT} *({options})\n")
    sh("rpcbind -w; nfsdcld; rpc.statd; exportfs -ra; rpc.mountd; rpc.nfsd 8")


class Command:
    """One command, and the connection that asked for it: closing that kills the command."""

    def __init__(self, connection):
        self.connection = connection
        self.input = connection.makefile("rb")
        self.lock = threading.Lock()
        self.process = None

    def send(self, **frame):
        with self.lock:
            try:
                self.connection.sendall(json.dumps(frame).encode() + b"\n")
            except OSError:
                return

    def run(self):
        request = json.loads(self.input.readline())
        try:
            self.send(code=self.answer(request))
        except OSError as error:
            self.send(err=f"{error}\n")
            self.send(code=127)
        finally:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()

    def answer(self, request):
        if "clock" in request:
            time.clock_settime(time.CLOCK_REALTIME, time.time() + request["clock"])
            return 0
        self.process = subprocess.Popen(
            request["argv"], cwd=request["cwd"], env={**os.environ, **request["env"]},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        self.send(pid=self.process.pid)
        pumps = [
            threading.Thread(target=self.pump, args=(stream, name), daemon=True)
            for stream, name in ((self.process.stdout, "out"), (self.process.stderr, "err"))
        ]
        for thread in (*pumps, threading.Thread(target=self.listen, daemon=True)):
            thread.start()
        code = self.process.wait()
        for thread in pumps:  # a grandchild may hold the pipe open for ever
            thread.join(2.0)
        return code

    def pump(self, stream, name):
        while chunk := stream.read1(65536):
            self.send(**{name: chunk.decode("latin-1")})

    def listen(self):
        """What the other side says meanwhile: input, signals; its end is the command's."""
        for line in self.input:
            frame = json.loads(line)
            if "signal" in frame:
                self.kill(os.kill, frame["signal"])
            elif frame.get("in"):
                self.process.stdin.write(frame["in"].encode())
                self.process.stdin.flush()
            else:
                self.process.stdin.close()
        self.kill(os.killpg, signal.SIGKILL)

    def kill(self, how, number):
        if self.process.poll() is None:
            how(self.process.pid, number)


def main():
    mount("proc", "/proc", "proc")
    with open("/proc/cmdline", encoding="utf-8") as file:
        words = file.read().split()
    options = dict(word[4:].split("=", 1) for word in words if word.startswith("lab."))
    os.environ.update(
        PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        HOME="/tmp", LANG="C.UTF-8", PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip
    set_up(options)
    server = socket.create_server((options["control"], PORT), backlog=64)
    print("lab: ready", flush=True)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=Command(connection).run, daemon=True).start()


if __name__ == "__main__":
    try:
        main()
    except BaseException as error:
        print("lab: failed:", repr(error), file=sys.stdout, flush=True)
        raise
