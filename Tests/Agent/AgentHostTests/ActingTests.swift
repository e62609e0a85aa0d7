import TestSupport
import Testing

/// What the agent does with its machine, under a real systemd.
@Suite(.serialized, .enabled(if: SystemdBox.isPossible, "\(SystemdBox.whyNot)"))
struct ActingTests {
    /// `hook STAGE NAME` makes one of its input, `unit NAME` a unit; `act` does, and leaves what it said in $said.
    static let prelude = """
        #!/bin/bash
        set -euo pipefail
        until_() { for _ in $(seq ${2-500}); do if eval "$1"; then return; fi; sleep 0.02; done; echo "never: $1"; exit 1; }
        unit() { cat >/etc/systemd/system/$1; systemctl daemon-reload; }
        sleeper() { printf '[Service]\\nExecStart=/bin/sleep 600\\n%s\\n' "${2-}" | unit $1.service; }
        hook() { mkdir -p /etc/spot-optimizer/hooks/$1.d; (echo '#!/bin/bash'; cat) >/etc/spot-optimizer/hooks/$1.d/$2
          chmod 755 /etc/spot-optimizer/hooks/$1.d/$2; }
        act() { rc=0; said=$(/box/ActingScenarios "$@" 2>&1) || rc=$?; echo "$said"; }
        says() { [[ "$said" == *"$1"* ]] || { echo "it does not say: $1"; exit 1; }; }
        silent() { [[ "$said" != *"$1"* ]] || { echo "it says: $1"; exit 1; }; }
        took() { sed -n "s/^$1.* \\(after\\|in\\) \\([0-9]*\\) ms.*/\\2/p" <<<"$said" | head -n 1; }
        active() { [ "$(systemctl is-active $1)" = active ]; }
        inactive() { ! systemctl -q is-active $1; }
        fences() { systemctl list-units --all --plain --no-legend 'spot-fence-*.timer' | wc -l; }

        """

    func expectToPass(
        _ script: String, within limit: Int = 40, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let (status, output) = try SystemdBox.run(
            Self.prelude + script, copies: [try builtProgram("ActingScenarios")], within: limit)
        // What a hook said a hundred times says it once.
        let said = status == 0 ? output : output.replacing(/(?:.*a line that says nothing.*\n)+/, with: "[flood]\n")
        let measured = said.split(separator: "\n").filter { $0.hasPrefix("measured") }
        if !measured.isEmpty { print("ActingTests:", measured.joined(separator: "; ")) }
        #expect(status == 0, "\(said)", sourceLocation: sourceLocation)
    }

    @Test(arguments: [
        ("hangs", "sleep 600"),
        ("ignores SIGTERM", "trap '' TERM; while :; do sleep 600; done"),
        ("forks", "for i in {1..20}; do sleep 601 & done; wait"),
        ("leaves the session", "setsid bash -c 'trap \"\" TERM; while :; do sleep 602; done' & sleep 600"),
        ("floods", "yes 'a line that says nothing but goes on for a while'"),
    ])
    func `a hook that never ends costs its stage's time and nothing else`(what: String, body: String) throws {
        try expectToPass(
            """
            hook drain 10-bad <<'H'
            \(body)
            H
            hook drain 20-next <<<'exit 0'
            hook notice 10-good <<<'touch /run/good'
            act hooks drain 1.5 then hooks notice 3
            says '10-bad overran'
            says '10-good done'; says 'ran 2'
            [ "$(took ran)" -le 1500 ]
            [ -e /run/good ]
            until_ '! pgrep -f "sleep 60[012]" && ! pgrep -x yes'
            until_ '[ -z "$(systemctl list-units --all --plain --no-legend "spot-hook-*")" ]'
            lines=$(journalctl -q -t spot-hook-drain | wc -l)
            [ $lines -le 1300 ]
            echo "measured: a hook that \(what): its stage of 1500 ms took $(took ran) ms, $lines lines in the journal"
            """)
    }

    @Test func `ten megabytes of output are no failure, and the journal keeps some hundred lines of them`() throws {
        try expectToPass(
            """
            hook drain 10-talks <<<'yes "a line that says nothing but goes on for a while" | head -c 10000000; echo end >&2'
            act hooks drain 10
            says '10-talks done'
            journalctl --sync
            lines=$(journalctl -q -t spot-hook-drain | wc -l)
            # A hundred, and more of them where the disk has much room: journald makes it up to ten times as many.
            [ $lines -ge 100 ]
            [ $lines -le 1300 ]
            echo "measured: 10 MB took $(took 10-talks) ms, $lines lines in the journal"
            """)
    }

    @Test func `what a hook leaves behind ends with it, though it went well`() throws {
        try expectToPass(
            """
            hook drain 10-leaves <<<'setsid sleep 600 </dev/null >/dev/null 2>&1 & (trap "" TERM; while :; do sleep 601; done) & exit 0'
            act hooks drain 5
            says '10-leaves done'
            if pgrep -f 'sleep 60[01]'; then exit 1; fi
            """)
    }

    @Test func `hooks run in name order with what they are told, and a failure ends only the stages that rely on it`()
        throws
    {
        try expectToPass(
            """
            for stage in promote drain; do
              for n in 30-c 10-a 20-b; do hook $stage $n <<<'echo "$0" >>/run/$SPOT_STAGE; [[ $0 != *20-b ]] || exit 4'; done
            done
            hook verify 10-told <<<'env | grep ^SPOT_ | sort >/run/told; [ -z "${NOTIFY_SOCKET-}" ]; sleep 0.3'
            hook verify 20-told <<<'echo $SPOT_DEADLINE_LEFT_MS >/run/left'
            act hooks promote 5 then hooks drain 5 then hooks verify 5
            [ "$(sed 's,.*/,,' /run/promote | xargs)" = '10-a 20-b' ]
            [ "$(sed 's,.*/,,' /run/drain | xargs)" = '10-a 20-b 30-c' ]
            says '20-b failed (it exited with 4)'
            says '10-told done'
            first=$(sed -n 's/.*LEFT_MS=//p' /run/told)
            [ $first -le 10000 ]
            [ $first -gt 9500 ]
            [ $(</run/left) -le $((first - 300)) ]
            [ "$(grep -v LEFT_MS /run/told | xargs)" = 'SPOT_EPOCH=7 SPOT_INCIDENT=incident-1 SPOT_INSTANCE=i-0123456789abcdef0 SPOT_ROLE=promoting SPOT_STAGE=verify' ]
            journalctl -q -t spot-hook-verify >/dev/null
            act hooks ready 5
            says 'ran 0'
            """)
    }

    @Test func `hooks that somebody else could have written are refused in words, others are none`() throws {
        try expectToPass(
            """
            for n in 10-shared 20-anothers 30-gone 40-good 50-plain 60.sh .70-hidden; do hook drain $n <<<'touch /run/$(basename $0)'; done
            cd /etc/spot-optimizer/hooks/drain.d
            chmod 775 10-shared; chown nobody 20-anothers; ln -sf /no/such 30-gone; chmod 644 50-plain
            mkdir -m 777 /srv/open; install -m 755 40-good /srv/open/linked; ln -s /srv/open/linked 80-open
            install -m 755 40-good /usr/local/bin/90-linked; ln -s /usr/local/bin/90-linked 90-linked
            act hooks drain 5
            says '80-open failed (refused: others than its owner may write /srv/open'
            says '90-linked done'
            says '10-shared failed (refused: others than its owner may write'
            says '20-anothers failed (refused: /etc/spot-optimizer/hooks/drain.d/20-anothers belongs to user 65534, not to root'
            says '30-gone failed (look at'
            says '40-good done'
            says 'ran 6'
            [ "$(cd /run; ls -d [0-9]0-* | xargs)" = '40-good 90-linked' ]
            chmod 777 .
            act hooks drain 5
            [ $rc = 1 ]; says 'failed in'; says 'chmod go-w /etc/spot-optimizer/hooks/drain.d'
            """)
    }

    @Test func `units are started in their order, and one that fails ends it with the reason and where to read on`()
        throws
    {
        try expectToPass(
            """
            printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/sh -c "sleep 0.3; touch /run/mounted"\\n' | unit first.service
            printf '[Service]\\nType=notify\\nNotifyAccess=all\\nExecStart=/bin/sh -c "test -e /run/mounted && sleep 0.2 && systemd-notify --ready && exec sleep 600"\\n' | unit second.service
            printf '[Service]\\nType=oneshot\\nExecStart=/bin/true\\n' | unit third.service
            act start 10 first second third
            [ $rc = 0 ]; says 'done in'
            active first; active second
            act start 10 first second
            [ "$(took done)" -lt 300 ]
            printf '[Unit]\\nStartLimitBurst=2\\n[Service]\\nType=oneshot\\nExecStart=/bin/sh -c "exit 3"\\n' | unit bad.service
            sleeper last
            for _ in 1 2 3; do
              act start 10 bad last
              [ $rc = 1 ]; says 'failed in'; says 'start bad.service: it failed (exit-code, exited with 3); journalctl -u bad.service says more'
            done
            inactive last
            act start 5 nobody
            says 'start nobody.service: there is no such unit'
            sleeper gone 'ExecStartPre=/bin/sleep 600'
            act start 1 gone
            says 'late in'; says 'start gone.service: not active in time'
            """)
    }

    @Test func `units are seen stopped in their order, whatever they think of it`() throws {
        try expectToPass(
            """
            sleeper plain 'Restart=always'
            sleeper deaf
            printf '[Service]\\nTimeoutStopSec=600\\nExecStart=/bin/bash -c "trap \\\\"\\\\" TERM; while :; do sleep 601; done"\\n' | unit deaf.service
            printf '[Service]\\nKillMode=process\\nExecStart=/bin/bash -c "sleep 602 & sleep 603"\\n' | unit leaves.service
            systemctl start plain deaf leaves
            until_ 'pgrep -f "sleep 601" && pgrep -f "sleep 602"' >/dev/null
            act inspect 2 plain leaves nobody
            says 'plain.service loaded active : active (running)'
            says 'nobody.service stopped : not loaded'
            act stop 4 plain deaf leaves nobody
            [ $rc = 0 ]; says 'done in'
            if pgrep -f 'sleep 60[0123]'; then exit 1; fi
            echo "measured: a unit that ignores SIGTERM, one that leaves processes and two others stopped in $(took done) of 4000 ms"
            [ "$(took done)" -lt 3900 ]
            act inspect 2 plain deaf leaves
            [ "$(grep -c ' stopped : ' <<<"$said")" = 3 ]
            # What was left over before counts as running.
            systemctl start leaves; until_ 'pgrep -f "sleep 602"' >/dev/null; systemctl stop leaves
            act inspect 2 leaves
            says 'leaves.service loaded : inactive (dead, 2 processes left)'
            systemctl start deaf
            act kill 4 deaf
            says 'done in'; [ "$(took done)" -lt 1000 ]; inactive deaf
            # By force there is no order: what does not end keeps no other alive.
            printf '[Service]\\nExecStart=/bin/sleep 600\\nExecStopPost=-/bin/sleep 604\\nExecStopPost=-/bin/sleep 605\\n' | unit holds.service
            systemctl start holds plain
            act kill 2 holds plain
            says 'late in'; inactive plain
            """)
    }

    @Test func `the order of a shutdown that waits for its start is left to wait, whatever is stopped meanwhile`()
        throws
    {
        try expectToPass(
            """
            printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/sh -c "until [ -e /run/up ]; do sleep 0.05; done"\\n' | unit slow.service
            sleeper plain
            systemctl start plain
            systemctl start --no-block slow
            jobs() { systemctl list-jobs --plain --no-legend | grep -c 'spot-order-.* start *waiting'; }
            /box/ActingScenarios order 20 slow plain & order=$!
            until_ '[ "$(jobs)" = 1 ]'
            act stop 5 plain
            [ $rc = 0 ]; inactive plain; [ "$(jobs)" = 1 ]
            touch /run/up
            wait $order
            [ -n "$(systemctl list-units --plain --no-legend --state=active 'spot-order-*.service')" ]
            # It is the same after a reload, and stands between the two.
            systemctl daemon-reload
            [ "$(systemctl show -P LoadState 'spot-order-*.service')" = loaded ]
            [ "$(systemctl show -P After 'spot-order-*.service' | tr ' ' '\\n' | grep -c -e ^slow.service -e ^plain.service)" = 2 ]
            [[ "$(systemctl show -P Before 'spot-order-*.service')" == *spot-agent.service* ]]
            if journalctl -q -b | grep -E 'Unknown key|has no ExecStart'; then exit 1; fi
            """)
    }
}
