/* notify: what systemd and we say to each other: sd_notify(3) and sd_listen_fds(3), without its library. */
#ifndef SYS_NOTIFY_H
#define SYS_NOTIFY_H

#include <stdint.h>
#include <stddef.h>

/* Each does nothing when NOTIFY_SOCKET is unset. */
void notify_ready(const char *status);
void notify_reloading(void); /* with MONOTONIC_USEC, as Type=notify-reload wants */
void notify_stopping(void);
void notify_watchdog(void);
uint64_t notify_watchdog_ms(void); /* half of WATCHDOG_USEC when it is meant for this process; 0: none asked */

/* Descriptors handed over (LISTEN_PID is ours): first one (3) and count; names from LISTEN_FDNAMES, "" when unnamed. */
size_t notify_listen_fds(size_t names_max, char ret_names[][64]);

#endif
