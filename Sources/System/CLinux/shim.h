#pragma once
#include <errno.h>
#include <fts.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <pty.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

/* glibc hides these behind _GNU_SOURCE, which the Swift importer does not define. */
int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
extern char **environ;
int pipe2(int descriptors[2], int flags);
int pthread_setname_np(pthread_t thread, const char *name);
const char *strerrordesc_np(int number);
int unshare(int flags);

/* A mutable global is no part of Swift 6; its value when asked is. */
static inline char **clinux_environment(void) { return environ; }

/* What the Glibc module has in place of these is Swift code (see lastErrno in Platform). The headers that define them would
   make the system's types ours, so they stand here as the kernel's interface has them: inode(7), open(2). */
static inline int clinux_errno(void) { return errno; }
extern int open(const char *path, int flags, ...);
extern int fcntl(int descriptor, int command, ...);
static inline int clinux_open(const char *path, int flags, unsigned permissions) { return open(path, flags, permissions); }
static const unsigned clinux_file_type = 0170000;
static const unsigned clinux_file_type_folder = 0040000;
static const unsigned clinux_file_type_regular = 0100000;
static const unsigned clinux_file_type_socket = 0140000;
static const unsigned clinux_read_by_others = 04;
static const unsigned clinux_write_by_others = 022;
static const unsigned clinux_execute = 0111;
/* F_SETFL; a descriptor that was just made has no other flag that could be lost. */
static inline int clinux_set_flags(int descriptor, int flags) { return fcntl(descriptor, 4, flags); }
