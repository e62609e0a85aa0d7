#pragma once
#include <errno.h>
#include <signal.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

/// `si_status` and `si_code` are macros into an anonymous union, which Swift does not import.
static inline int csystemd_exit_status(const siginfo_t *info) { return info->si_status; }

/// As above; true when the child ended by itself, false when a signal ended it.
static inline int csystemd_has_exited(const siginfo_t *info) { return info->si_code == CLD_EXITED; }

