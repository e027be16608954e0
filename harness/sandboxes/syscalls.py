"""The system calls that a container may make: everything else is refused by the kernel.

An allow-list after the Docker engine's own (moby/moby, profiles/seccomp/default.json, commit
00f3d189, 2022 to v24) as it is for a container without capabilities, and stricter in this:

* No `io_uring`, `ptrace`, `process_vm_*` or `modify_ldt`: large or old parts of the kernel, which
  tests, git and command line agents do not need. No `fanotify`, `cachestat`, `memfd_secret`.
* Sockets of three families, and the netlink protocol that lists network interfaces. The engine
  leaves out AF_VSOCK at best, and compares 64 bits of a number of which the kernel reads 32.
* No second architecture: a 32-bit call goes by other numbers, and `socketcall` hides its arguments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FILES = """
access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr
flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents
getdents64 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl
lchown lgetxattr link linkat listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat
mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pread64 preadv preadv2
pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr removexattrat rename
renameat renameat2 rmdir sendfile setxattr setxattrat splice stat statfs statx symlink symlinkat
sync sync_file_range sync_file_range2 syncfs tee truncate umask unlink unlinkat utime utimensat
utimes vmsplice write writev
"""
WAITING = """
epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2
io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit pipe pipe2 poll ppoll pselect6
select signalfd signalfd4 timerfd_create timerfd_gettime timerfd_settime
"""
MEMORY = """
brk madvise map_shadow_stack membarrier memfd_create mincore mlock mlock2 mlockall mmap mprotect
mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages
"""
PROCESSES = """
arch_prctl capget capset execve execveat exit exit_group fork get_robust_list get_thread_area
getcpu getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getpriority getresgid
getresuid getrlimit getrusage getsid gettid getuid ioprio_get ioprio_set kill landlock_add_rule
landlock_create_ruleset landlock_restrict_self pidfd_open pidfd_send_signal prctl prlimit64
process_mrelease riscv_flush_icache riscv_hwprobe rseq sched_get_priority_max
sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
seccomp set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setpgid
setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sysinfo tgkill times
tkill uname vfork wait4 waitid
"""
SIGNALS_AND_TIME = """
adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep getitimer gettimeofday
nanosleep pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo setitimer sigaltstack time
timer_create timer_delete timer_getoverrun timer_gettime timer_settime
"""
BETWEEN_PROCESSES = """
accept accept4 bind connect futex futex_requeue futex_wait futex_waitv futex_wake getpeername
getrandom getsockname getsockopt listen mq_getsetattr mq_notify mq_open mq_timedreceive
mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd recvfrom recvmmsg recvmsg semctl semget semop
semtimedop sendmmsg sendmsg sendto setsockopt shmat shmctl shmdt shmget shutdown
"""
START = "unshare"
"""For the container's main process, which takes the right from itself and all others at once."""
ALLOWED = (FILES, WAITING, MEMORY, PROCESSES, SIGNALS_AND_TIME, BETWEEN_PROCESSES, START)

ABSENT = "clone3 io_uring_setup io_uring_enter io_uring_register"
"""Refused as an older kernel would, so that a library takes its other way."""
ENOSYS = 38

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK = 1, 2, 10, 16
INTERNET_PROTOCOLS = {"any": 0, "TCP": 6, "UDP": 17}
NETLINK_ROUTE = 0
"""What `getifaddrs` asks; the other protocols of AF_NETLINK configure the kernel."""
NEW_NAMESPACES = 0x7E020000
"""Flags of `clone` that make a namespace; a filter cannot read those of `clone3`."""
PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
"""Of Linux, with addresses not limited and `uname` as 2.6; the last one only asks."""
ARCHITECTURES = {
    "SCMP_ARCH_X86_64": "amd64",
    "SCMP_ARCH_AARCH64": "arm64",
    "SCMP_ARCH_PPC64LE": "ppc64le",
    "SCMP_ARCH_RISCV64": "riscv64",
    "SCMP_ARCH_S390X": "s390x",
}


def profile() -> str:
    """The seccomp profile, as JSON text that an engine takes as a security option."""
    return json.dumps(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "archMap": [{"architecture": each, "subArchitectures": []} for each in ARCHITECTURES],
            "syscalls": list(_rules()),
        }
    )


def _rules() -> Iterator[Mapping[str, Any]]:
    yield _allow(" ".join(ALLOWED).split())
    yield {"names": ABSENT.split(), "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS}
    yield _allow(["socket", "socketpair"], (0, AF_UNIX))
    for family in (AF_INET, AF_INET6):
        for protocol in INTERNET_PROTOCOLS.values():
            yield _allow(["socket"], (0, family), (2, protocol))
    yield _allow(["socket"], (0, AF_NETLINK), (2, NETLINK_ROUTE))
    for personality in PERSONALITIES:
        yield _allow(["personality"], (0, personality))
    # Only this architecture has the flags as its second argument.
    yield _clone(1, includes={"arches": ["s390x"]})
    yield _clone(0, excludes={"arches": ["s390x"]})


def _allow(names: Sequence[str], *equal: tuple[int, int]) -> Mapping[str, Any]:
    """Allow calls whose arguments, by their index, have these values in all 64 bits."""
    conditions = [{"index": i, "value": v, "op": "SCMP_CMP_EQ"} for i, v in equal]
    return {"names": list(names), "action": "SCMP_ACT_ALLOW", "args": conditions}


def _clone(index: int, **where: Mapping[str, Sequence[str]]) -> Mapping[str, Any]:
    none_of = {"index": index, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    return {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [none_of], **where}
