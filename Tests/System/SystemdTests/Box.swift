import TestSupport

/// A box with the scenario program at /box/SystemdScenarios, with units that scenarios use and shell functions: `unit`
/// makes one, `until_` waits for a condition.
func runScenario(_ script: String) throws -> (status: Int32, said: String) {
    let prelude = """
        #!/bin/bash
        set -eu
        until_() { for _ in {1..500}; do if eval "$1"; then return; fi; sleep 0.02; done; echo "never: $1"; exit 1; }
        unit() { cat >/etc/systemd/system/$1; }
        printf '[Service]\\nExecStart=/bin/sleep 600\\n' | unit sleeper.service
        printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c "exit 3"\\n' | unit failing.service
        printf '[Service]\\nType=oneshot\\nExecStart=/bin/sleep 600\\n' | unit slow.service
        systemctl daemon-reload
        systemctl show -P MainPID dbus.service >/run/bus.pid
        busctl call org.freedesktop.DBus / org.freedesktop.DBus GetNameOwner s org.freedesktop.systemd1 |
            cut -d'"' -f2 >/run/manager

        """
    return try SystemdBox.run(prelude + script, copies: [try builtProgram("SystemdScenarios")])
}
