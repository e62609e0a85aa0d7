import TestSupport
import Testing

/// The agent's unit under a real systemd, with a coordinator and a metadata service that it reaches.
@Suite(.serialized, .enabled(if: SystemdBox.isPossible, "\(SystemdBox.whyNot)"))
struct AgentUnitTests {
    /// `world` starts all but the agent, at an address; `drop_in` adds to the agent's unit.
    static let prelude = """
        drop_in() { mkdir -p /etc/systemd/system/spot-agent.service.d
          (echo '[Service]'; printf '%s\\n' "$@") >>/etc/systemd/system/spot-agent.service.d/test.conf; systemctl daemon-reload; }
        says() { journalctl -q -u spot-agent | grep -cF "$1" || :; }
        in_contact() { until_ '[[ "$(show spot-agent StatusText)" == *"in contact with"* ]]'; }
        client() { spot-coordinator client create acme --json "$@" | sed 's/.*"token":"\\([^"]*\\)".*/\\1/'; }
        world() {
          systemctl start spot-coordinator
          systemd-run -q --unit=metadata -p Type=notify /box/SystemdScenarios metadata "$1" 8169
          mkdir -p /etc/credstore /etc/spot-optimizer
          (umask 077; client "${@:2}" >/etc/credstore/client-token)
          printf '%s\\n' AWS_EC2_METADATA_SERVICE_ENDPOINT=http://$1:8169 LOGICAL_AGENT_ID=web >/etc/spot-optimizer/agent.env
        }

        """

    func expectToPass(
        _ script: String, within limit: Int = 40, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        try expectUnitsToPass(
            Self.prelude + script, with: [try builtProgram("SystemdScenarios")], within: limit,
            sourceLocation: sourceLocation)
    }

    @Test func `a restart is no interruption; the end of the machine is one, and is told before the unit has stopped`()
        throws
    {
        try expectToPass(
            """
            world 127.0.0.1
            # Before the first start and beside a running one, with the service's own token.
            spot-agent check-config
            systemctl start spot-agent
            in_contact
            spot-agent check-config
            systemctl restart spot-agent
            in_contact
            [ "$(says 'registered')" = 1 ]
            [ "$(spot-coordinator events --json | grep -c incident || :)" = 0 ]

            # As while the machine goes down, but that nothing else stops: the target alone begins.
            mkdir -p /etc/systemd/system/shutdown.target.d
            printf '[Unit]\\nRefuseManualStart=no\\n' >/etc/systemd/system/shutdown.target.d/test.conf
            systemctl daemon-reload
            systemctl start --job-mode=ignore-dependencies shutdown.target
            [ "$(systemctl is-system-running)" = stopping ]
            systemctl stop --job-mode=ignore-dependencies spot-agent
            [ "$(show spot-agent Result)" = success ]
            [ "$(spot-coordinator events --json | grep -c incident)" -ge 1 ]
            """)
    }

    @Test func `the workload that the settings name stops after the agent, also when they change`() throws {
        try expectToPass(
            """
            for u in web db; do printf '[Service]\\nExecStart=/bin/sleep 600\\n' >/etc/systemd/system/$u.service; done
            systemctl daemon-reload
            systemctl start web db
            drop_in 'ExecStopPost=/bin/sleep 0.3'
            world 127.0.0.1
            echo PROMOTE_UNITS=web >>/etc/spot-optimizer/agent.env
            systemctl start spot-agent
            in_contact
            order() { systemctl list-units --plain --no-legend --state=active 'spot-order-*.service' | cut -d' ' -f1; }
            ordered() { [ "$(order | wc -l)" = 1 ] && [[ " $(show $(order) After) " == *" $1.service "* ]]; }
            until_ 'ordered web'
            [[ " $(show spot-agent After) " == *" $(order) "* ]]
            [[ "$(show $(order) Conflicts)" == *shutdown.target* ]]
            sed -i 's/^PROMOTE_UNITS=.*/PROMOTE_UNITS=db, web/' /etc/spot-optimizer/agent.env
            systemctl reload spot-agent
            until_ 'ordered db'
            first=$(order)
            systemctl kill -s KILL spot-agent
            until_ '[ "$(show spot-agent NRestarts) $(show spot-agent ActiveState)" = "1 active" ]'
            until_ 'ordered web && [ "$(order)" != '$first' ]'
            # A shutdown asks for all of them at once. Here each is asked for by itself, and whoever may stop does so at once; the agent
            # takes its time.
            systemctl stop --no-block spot-agent $(order) web db
            until_ '[ "$(show web ActiveState) $(show db ActiveState) $(show spot-agent ActiveState)" = "inactive inactive inactive" ]'
            journalctl --sync
            gone=$(journalctl -q -o cat --grep '^Stopped (spot-agent|web|db)\\.service' | tail -n 3)
            [[ "$gone" == 'Stopped spot-agent.service'* ]]
            [ "$(says 'a shutdown may stop the workload before us')" = 0 ]
            """)
    }

    @Test func `a check asks the service manager about the workload's units, and starts none`() throws {
        try expectToPass(
            """
            world 127.0.0.1
            printf '[Service]\\nExecStart=/bin/sleep 600\\n' >/etc/systemd/system/web.service
            systemctl daemon-reload
            echo 'PROMOTE_UNITS=web nobody-has-this' >>/etc/spot-optimizer/agent.env
            spot-agent check >/run/said || :
            cat /run/said
            grep -q 'ok       unit web.service' /run/said
            grep -q 'failed   unit nobody-has-this.service' /run/said
            [ "$(show web ActiveState)" = inactive ]
            """)
    }

    @Test func `an agent that hangs is killed by the watchdog and started again; dead peers are not its fault`() throws
    {
        try expectToPass(
            """
            world 127.0.0.1
            drop_in WatchdogSec=1s TimeoutAbortSec=200ms
            systemctl start spot-agent
            in_contact
            systemctl kill -s STOP metadata spot-coordinator
            until_ '[ "$(says "the metadata service does not answer")" = 1 ] && [ "$(says "no contact with")" = 1 ]' 700
            [ "$(show spot-agent NRestarts) $(show spot-agent ActiveState)" = '0 active' ]
            [[ "$(show spot-agent StatusText)" == BLIND*"no contact with"* ]]
            systemctl kill -s CONT metadata spot-coordinator
            in_contact
            kill -STOP "$(show spot-agent MainPID)"
            until_ '[ "$(show spot-agent NRestarts)" = 1 ] && [ "$(show spot-agent ActiveState)" = active ]'
            in_contact
            [ "$(says 'registered')" = 1 ]
            """)
    }

    /// In a network of its own, over TLS, with all that the unit forbids.
    @Test func `when the network returns the coordinator is asked at once`() throws {
        try expectToPass(
            """
            ip netns add machine
            ip link add outside type veth peer name inside netns machine
            ip address add 10.7.0.1/24 dev outside; ip link set outside up
            ip -n machine address add 10.7.0.2/24 dev inside; ip -n machine link set inside up; ip -n machine link set lo up
            openssl req -x509 -newkey rsa:2048 -nodes -keyout /etc/tls.key -out /etc/tls.crt -days 2 -subj /CN=box \\
              -addext subjectAltName=IP:10.7.0.1 2>/dev/null
            chmod 644 /etc/tls.key; mkdir -p /etc/spot-optimizer
            printf '%s\\n' HOST=10.7.0.1 TLS_CERT_FILE=/etc/tls.crt TLS_KEY_FILE=/etc/tls.key >/etc/spot-optimizer/coordinator.env
            world 10.7.0.1 --server https://10.7.0.1:5000 --ca-file /etc/tls.crt
            printf '%s\\n' SPOT_OPTIMIZER_SERVER_URL=https://10.7.0.1:5000 SERVER_CA_FILE=/etc/tls.crt >>/etc/spot-optimizer/agent.env
            drop_in NetworkNamespacePath=/run/netns/machine
            systemctl start spot-agent
            in_contact
            ip -n machine link set inside down
            until_ '[[ "$(show spot-agent StatusText)" == *"no contact with"* ]]' 800
            # Until the pauses are at their longest.
            sleep 6
            before=$(says 'in contact with the coordinator')
            ip -n machine link set inside up
            up=${EPOCHREALTIME/./}
            until_ '[ "$(says "in contact with the coordinator")" -gt '$before' ]'
            took=$(((${EPOCHREALTIME/./} - up) / 1000))
            echo "in contact $took ms after the network"
            [ $took -lt 1500 ]
            [ "$(says 'changes of the network are not seen')" = 0 ]

            # Where netlink is refused, it goes on without.
            drop_in RestrictAddressFamilies= 'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX'
            systemctl restart spot-agent
            in_contact
            [ "$(says 'changes of the network are not seen')" = 1 ]
            """, within: 60)
    }

    @Test func `without a client's token it says what is missing, and starts by itself once it is there`() throws {
        try expectToPass(
            """
            systemctl start --no-block spot-agent
            until_ '[[ "$(show spot-agent StatusText)" == *"SPOT_OPTIMIZER_CLIENT_TOKEN"* ]]'
            journalctl -q -u spot-agent -o json MESSAGE_ID=5b6a0f5e7d3c4c0e8f4f1d6a2e9c3b04 | grep CLIENT_TOKEN >/dev/null
            until_ '[ "$(show spot-agent NRestarts)" -ge 1 ]'
            # Not ten times a second.
            [ "$(show spot-agent NRestarts)" -le 2 ]
            world 127.0.0.1
            in_contact
            """)
    }

    /// A loop device with a file system that is frozen (fsfreeze(8)): each write waits, in the kernel, until it is thawed.
    @Test(.enabled(if: TestTier.current == .full, "freezes a loop device: only with --full"))
    func `a disk that hangs is told of and does not withhold the watchdog`() throws {
        try expectToPass(
            """
            for n in {0..15}; do mknod /dev/loop$n b 7 $n; done; mknod /dev/loop-control c 10 237
            truncate -s 64M /run/disk; mkfs.ext4 -q /run/disk; mkdir -p /var/lib/spot-agent
            mount -o loop /run/disk /var/lib/spot-agent
            trap 'fsfreeze -u /var/lib/spot-agent 2>/dev/null || :; systemctl kill -s KILL spot-agent || :; umount -l /var/lib/spot-agent || :' EXIT
            world 127.0.0.1
            drop_in WatchdogSec=1s TimeoutAbortSec=200ms
            systemctl start spot-agent
            in_contact
            fsfreeze -f /var/lib/spot-agent
            spot-coordinator switch "$(spot-coordinator agents --json | sed 's/.*"id":"\\([^"]*\\)".*/\\1/')" --to ondemand >/dev/null
            until_ '[ "$(says "the disk takes nothing")" = 1 ]' 700
            [ "$(show spot-agent NRestarts) $(show spot-agent ActiveState)" = '0 active' ]
            fsfreeze -u /var/lib/spot-agent
            until_ '[ "$(says "the disk takes what is to be remembered again")" = 1 ]'
            """, within: 60)
    }
}
