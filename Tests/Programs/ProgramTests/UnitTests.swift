import TestSupport
import Testing

/// Opens each script that runs in a box.
let unitPrelude = """
    #!/bin/bash
    set -euo pipefail
    until_() { for _ in $(seq ${2-500}); do if eval "$1"; then return; fi; sleep 0.02; done; echo "never: $1"; exit 1; }
    show() { systemctl show -P "$2" "$1"; }

    """

/// Both programs in their places, the units installed; what a person would do.
func expectUnitsToPass(
    _ script: String, with more: [String] = [], within limit: Int = 25,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let systemd = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/") + "/Systemd"
    let prelude =
        unitPrelude + """
            cp /box/Systemd/* /etc/systemd/system/
            systemctl daemon-reload

            """
    let copies = [
        "\(try builtProgram("spot-agent")):/usr/bin/spot-agent",
        "\(try builtProgram("spot-coordinator")):/usr/bin/spot-coordinator", systemd,
    ]
    let (status, said) = try SystemdBox.run(prelude + script, copies: copies + more, within: limit)
    for line in said.split(separator: "\n") where line.hasPrefix("measured") { print(line) }
    #expect(status == 0, "\(said)", sourceLocation: sourceLocation)
}

/// The units of `Systemd/`, as they are installed.
@Suite(.serialized, .enabled(if: SystemdBox.isPossible, "\(SystemdBox.whyNot)"))
struct UnitTests {
    @Test func `systemd has nothing to say against them`() throws {
        try expectUnitsToPass(
            """
            said=$(systemd-analyze verify --man=no /etc/systemd/system/spot-*.{service,socket} 2>&1)
            [ -z "$said" ] || { echo "$said"; exit 1; }
            systemd-analyze security --threshold=15 spot-coordinator.service >/dev/null
            systemd-analyze security --threshold=25 spot-agent.service >/dev/null
            """)
    }

    @Test func `both start hardened, say what they do, log to the journal, and stop cleanly`() throws {
        try expectUnitsToPass(
            """
            systemctl start spot-coordinator
            mkdir -p /etc/credstore
            spot-coordinator client create acme --json | sed 's/.*"token":"\\([^"]*\\)".*/\\1/' > /etc/credstore/client-token
            chmod 600 /etc/credstore/client-token
            systemctl start spot-agent
            until_ '[[ "$(show spot-agent StatusText)" == *"asking the metadata service who this machine is" ]]'
            [ "$(show spot-coordinator StatusText)" = 'serving on http://127.0.0.1:5000' ]
            [ -f /var/lib/private/spot-coordinator/coordinator.sqlite ]
            for file in coordinator.sqlite coordinator.sqlite.key coordinator.sqlite.lock admin-token; do
              [ "$(stat -c %a /var/lib/private/spot-coordinator/$file)" = 600 ] || { echo "$file"; exit 1; }
            done
            journalctl -q -o json MESSAGE_ID=8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a01 | grep '"SPOT_ADDRESS":"http://127.0.0.1:5000"' >/dev/null
            journalctl -q -o json MESSAGE_ID=5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b01 | grep '"SPOT_SERVER":"http://localhost:5000"' >/dev/null
            systemctl reload spot-agent
            systemctl stop spot-agent spot-coordinator
            [ "$(show spot-agent Result)$(show spot-coordinator Result)" = successsuccess ]
            """)
    }

    @Test func `journalctl explains an entry, with what it says, once the catalogue is installed`() throws {
        try expectUnitsToPass(
            """
            install -m 644 /box/Systemd/spot-coordinator.catalog /usr/lib/systemd/catalog/
            journalctl --update-catalog
            systemctl start spot-coordinator
            said=$(journalctl -q -x MESSAGE_ID=8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a01)
            [[ "$said" == *'Subject: The coordinator serves'*'It listens on http://127.0.0.1:5000,'* ]] || { echo "$said"; exit 1; }
            """)
    }

    @Test func `a check by hand has the service's token, before its start and beside it`() throws {
        try expectUnitsToPass(
            """
            says() { said=$(spot-agent check) && exit 1; [[ "$said" == *"$1"* ]] || { echo "$said"; exit 1; }; }
            systemctl start spot-coordinator
            says 'no client token is given'
            mkdir -p /etc/credstore
            spot-coordinator client create acme --json | sed 's/.*"token":"\\([^"]*\\)".*/\\1/' > /etc/credstore/client-token
            chmod 600 /etc/credstore/client-token
            says 'the coordinator takes it: client acme'
            says '/var/lib/spot-agent is not there yet'
            systemctl start spot-agent
            rm /etc/credstore/client-token
            until_ '[ -e /run/spot-agent/status.json ]'
            says 'the coordinator takes it: client acme'
            says '/var/lib/spot-agent is writable'
            says 'it runs, '
            """)
    }

    @Test func `with the socket enabled no connection is refused while the coordinator restarts`() throws {
        try expectUnitsToPass(
            """
            systemctl start spot-coordinator.socket
            ask() { exec 3<>/dev/tcp/127.0.0.1/5000; printf 'GET /ping HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3; exec 3<&-; }
            [ "$(ask)" = pong ]
            systemctl stop spot-coordinator.service 2>/dev/null
            [ "$(ask)" = pong ]
            first=$(show spot-coordinator MainPID)
            systemctl restart spot-coordinator & restart=$!
            asked=0
            while kill -0 $restart 2>/dev/null || [ $asked -lt 20 ]; do [ "$(ask)" = pong ]; asked=$((asked + 1)); done
            [ "$(show spot-coordinator MainPID)" != "$first" ]
            """)
    }

    @Test
    func `the socket joins a coordinator that runs, stops with it, and is back with it, also after it has given up`()
        throws
    {
        try expectUnitsToPass(
            """
            ask() { (exec 3<>/dev/tcp/127.0.0.1/5000; printf 'GET /ping HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3) 2>/dev/null; }
            both() { echo "$(show spot-coordinator.socket ActiveState) $(show spot-coordinator ActiveState)"; }
            systemctl start spot-coordinator
            systemctl enable spot-coordinator.socket
            systemctl restart spot-coordinator
            [ "$(both)" = 'active active' ]
            [ "$(ask)" = pong ]
            spot-coordinator backup /root/copy >/dev/null

            # Agents never cease to ask.
            while :; do ask >/dev/null || sleep 0.01; done & asking=$!
            systemctl stop 'spot-coordinator.*'
            spot-coordinator restore /root/copy >/dev/null
            [ "$(both)" = 'inactive inactive' ]
            systemctl start spot-coordinator
            [ "$(both)" = 'active active' ]
            [ "$(ask)" = pong ]

            # Whoever asks starts it, until systemd does that no more.
            mkdir -p /etc/spot-optimizer
            echo LOG_LEVEL=nonsense >/etc/spot-optimizer/coordinator.env
            systemctl restart spot-coordinator || :
            until_ '[ "$(both)" = "failed failed" ]'
            failed=$SECONDS
            rm /etc/spot-optimizer/coordinator.env
            systemctl start spot-coordinator
            [ "$(show spot-coordinator ActiveState)" = active ]
            [ "$(ask)" = pong ]
            # What was begun in vain is no longer counted.
            until_ '[ $SECONDS -gt $((failed + 10)) ]' 700
            systemctl restart spot-coordinator
            [ "$(both)" = 'active active' ]
            [ "$(ask)" = pong ]
            kill $asking
            """, within: 40)
    }

    @Test func `one socket is served whatever its name, and of two none`() throws {
        try expectUnitsToPass(
            """
            mkdir /root/state
            serve() { systemd-socket-activate -E STATE_DIRECTORY=/root/state "$@" /usr/bin/spot-coordinator serve 2>/root/said & }
            ask() { exec 3<>/dev/tcp/127.0.0.1/$1; printf 'GET /ping HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3; exec 3<&-; }
            serve -l 127.0.0.1:5001
            until_ '[ "$(ask 5001)" = pong ]'
            kill $!; wait $!
            serve -l 127.0.0.1:5002 -l 127.0.0.1:5003
            until_ '(exec 3<>/dev/tcp/127.0.0.1/5002) 2>/dev/null'
            if wait $!; then exit 1; else [ $? = 78 ]; fi
            grep -q 'expected one socket from systemd, got 2' /root/said
            """)
    }

    @Test func `an operator needs nothing but root to make a client, and its agents are let in after a restore`() throws
    {
        try expectUnitsToPass(
            """
            systemctl start spot-coordinator
            spot-coordinator client create Acme | grep Acme >/dev/null
            spot-coordinator backup /root/copy | grep '.key' >/dev/null
            spot-coordinator client create Later >/dev/null
            if spot-coordinator restore /root/copy 2>/root/said; then exit 1; else [ $? = 69 ]; fi
            systemctl stop spot-coordinator
            spot-coordinator restore /root/copy >/dev/null
            systemctl start spot-coordinator
            [ "$(spot-coordinator client list | grep -c Acme)$(spot-coordinator client list | grep -c Later)" = 10 ]
            """)
    }

    @Test
    func `a backup that root restores into an empty state folder is the service's own, with its key from a credential`()
        throws
    {
        try expectUnitsToPass(
            """
            mkdir -p /etc/credstore
            printf '%064d' 7 | install -m 600 /dev/stdin /etc/credstore/store-key
            printf 'admin-0123456789abcdef' | install -m 600 /dev/stdin /etc/credstore/admin-token
            systemctl start spot-coordinator
            [ ! -e /var/lib/private/spot-coordinator/admin-token ]
            [ ! -e /var/lib/private/spot-coordinator/coordinator.sqlite.key ]
            # The credential is found by hand as well, also while the service is down.
            admin() { spot-coordinator client "$@"; }
            spot-coordinator check-config
            token=$(admin create Acme --json | grep -o '"token": *"[^"]*"')
            spot-coordinator backup /root/copy >/dev/null
            systemctl stop spot-coordinator
            rm /var/lib/private/spot-coordinator/*
            spot-coordinator restore /root/copy >/dev/null
            systemctl start spot-coordinator
            id=$(admin list --json | grep -o '"id": *"[^"]*"' | head -n 1 | cut -d '"' -f 4)
            shown=$(admin token "$id")
            [ -n "$shown" ]
            grep -qF "$shown" <<<"$token"
            """)
    }

    @Test func `what only a person can mend is not tried ten times a second`() throws {
        try expectUnitsToPass(
            """
            mkdir -p /etc/spot-optimizer
            echo HOST=0.0.0.0 >/etc/spot-optimizer/coordinator.env
            if systemctl start spot-coordinator 2>/dev/null; then exit 1; fi
            [ "$(show spot-coordinator ActiveState) $(show spot-coordinator NRestarts) $(show spot-coordinator ExecMainStatus)" = 'failed 0 78' ]
            rm /etc/spot-optimizer/coordinator.env
            systemctl start spot-coordinator
            kill -9 "$(show spot-coordinator MainPID)"
            until_ '[ "$(show spot-coordinator NRestarts)" = 1 ] && [ "$(show spot-coordinator ActiveState)" = active ]'
            """)
    }

    @Test func `a reload ends with the unit ready again`() throws {
        try expectUnitsToPass(
            """
            systemctl start spot-coordinator
            systemctl reload spot-coordinator
            [ "$(show spot-coordinator ActiveState)" = active ]
            journalctl -q MESSAGE_ID=8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a09 | grep 'reloaded the administrator' >/dev/null
            """)
    }

    /// A loop device with a file system that is frozen (fsfreeze(8)): each write waits, in the kernel, until it is thawed.
    @Test(.enabled(if: TestTier.current == .full, "takes half a minute: only with --full"))
    func `when the disk hangs the watchdog ends the coordinator, and it serves again when the disk does`() throws {
        try expectUnitsToPass(
            """
            for n in {0..15}; do mknod /dev/loop$n b 7 $n; done; mknod /dev/loop-control c 10 237
            truncate -s 64M /run/disk; mkfs.ext4 -q /run/disk; mount -o loop /run/disk /mnt; chmod 777 /mnt
            trap 'fsfreeze -u /mnt 2>/dev/null || :; systemctl kill -s KILL spot-coordinator || :; umount -l /mnt || :' EXIT
            mkdir -p /etc/systemd/system/spot-coordinator.service.d
            printf '%s\\n' '[Service]' WatchdogSec=1s TimeoutAbortSec=1s ReadWritePaths=/mnt \
              Environment=DATABASE_URL=sqlite:/mnt/spot.sqlite >/etc/systemd/system/spot-coordinator.service.d/disk.conf
            systemctl daemon-reload
            systemctl start spot-coordinator
            first=$(show spot-coordinator MainPID)
            cp /mnt/admin-token /run/token
            fsfreeze -f /mnt
            spot-coordinator client create Acme --token-file /run/token >/dev/null 2>&1 &
            until_ 'journalctl -q -u spot-coordinator | grep -q "Watchdog timeout"' 2000
            fsfreeze -u /mnt
            until_ '[ "$(show spot-coordinator NRestarts)" -ge 1 ] && [ "$(show spot-coordinator ActiveState)" = active ]'
            [ "$(show spot-coordinator MainPID)" != "$first" ]
            spot-coordinator client list --token-file /run/token
            """, within: 60)
    }

    @Test func `a coordinator that hangs is killed by the watchdog and started again`() throws {
        try expectUnitsToPass(
            """
            mkdir -p /etc/systemd/system/spot-coordinator.service.d
            printf '[Service]\\nWatchdogSec=400ms\\nTimeoutAbortSec=200ms\\n' >/etc/systemd/system/spot-coordinator.service.d/quick.conf
            systemctl daemon-reload
            systemctl start spot-coordinator
            first=$(show spot-coordinator MainPID)
            kill -STOP "$first"
            until_ '[ "$(show spot-coordinator NRestarts)" = 1 ] && [ "$(show spot-coordinator ActiveState)" = active ]'
            [ "$(show spot-coordinator MainPID)" != "$first" ]
            """)
    }
}
