#pragma once
#include <fts.h>
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
