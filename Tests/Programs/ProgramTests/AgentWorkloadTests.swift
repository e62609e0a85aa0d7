import TestSupport
import Testing

extension AgentUnitTests {
    /// One machine: its agent founds an exclusive slot with a lease, so that it alone has to run the workload, and never when it
    /// is not sure of itself.
    @Test
    func `the agent runs the workload, PID 1 stops it when the agent hangs, and it runs again when that is over`()
        throws
    {
        try expectToPass(
            """
            for u in data web; do printf '[Service]\\nExecStart=/bin/sleep 600\\n' >/etc/systemd/system/$u.service; done
            systemctl daemon-reload
            mkdir -p /etc/spot-optimizer/hooks/promote.d
            printf '#!/bin/sh\\nenv | grep ^SPOT_ | sort >/run/told; systemctl is-active web >/run/before || :\\n' >/etc/spot-optimizer/hooks/promote.d/10-told
            chmod 755 /etc/spot-optimizer/hooks/promote.d/10-told
            world 127.0.0.1
            printf '%s\\n' PROMOTE_UNITS=data,web VERIFY_COMMAND='/bin/systemctl is-active web' HAND_OVER=exclusive LEASE_SECONDS=15 \\
              >>/etc/spot-optimizer/agent.env
            systemctl start spot-agent
            # An exclusive slot is sure of its founder only after a while.
            until_ 'systemctl -q is-active web' 1500
            [ "$(cat /run/before)" = inactive ]
            grep -qx SPOT_STAGE=promote /run/told; grep -qx SPOT_ROLE=primary /run/told
            fences() { systemctl list-units --all --plain --no-legend 'spot-fence-*.timer' | wc -l; }
            until_ '[ "$(fences)" = 1 ]'
            # It follows the lease.
            fence() { systemctl list-units --plain --no-legend 'spot-fence-*.timer' | cut -d' ' -f1; }
            first=$(fence)
            until_ '[ "$(fence)" != '$first' ]'
            [ "$(fences)" = 1 ]

            systemctl kill -s STOP spot-agent
            begin=${EPOCHREALTIME/./}
            until_ '! systemctl -q is-active web && ! systemctl -q is-active data' 700
            stopped=$(((${EPOCHREALTIME/./} - begin) / 1000))
            echo "measured: with a lease of 15000 ms the workload was stopped $stopped ms after the agent hung"
            [ $stopped -lt 15000 ]
            systemctl kill -s CONT spot-agent
            until_ 'systemctl -q is-active web' 1500
            [ "$(show spot-agent NRestarts)" = 0 ]
            """, within: 110)
    }

    @Test func `a restart and a kill of the agent leave the workload alone`() throws {
        try expectToPass(
            """
            printf '[Service]\\nExecStart=/bin/sleep 600\\n' >/etc/systemd/system/web.service
            systemctl daemon-reload
            world 127.0.0.1
            echo PROMOTE_UNITS=web >>/etc/spot-optimizer/agent.env
            systemctl start spot-agent
            until_ 'systemctl -q is-active web'
            in_contact
            run=$(show web InvocationID)
            systemctl restart spot-agent
            in_contact
            systemctl kill -s KILL spot-agent
            until_ '[ "$(show spot-agent NRestarts) $(show spot-agent ActiveState)" = "1 active" ]'
            in_contact
            systemctl reload spot-agent
            sleep 1
            systemctl -q is-active web
            [ "$(show web InvocationID)" = "$run" ]
            """)
    }
}
