import TestSupport
import Testing

/// The packages on a machine with systemd: installed, upgraded, removed, and by `Packaging/install-agent`.
@Suite(
    .serialized, .enabled(if: SystemdBox.isPossible, "\(SystemdBox.whyNot)"),
    .enabled(if: Packages.areThere, "\(Packages.whyNot)"))
struct InstallTests {
    /// `left` lists what the packages may have left; `next` makes the next version of a package, its settings' example changed.
    private static let prelude =
        AgentUnitTests.prelude + """
            export DEBIAN_FRONTEND=noninteractive
            # Caches and what dpkg itself keeps for a while are not the packages'.
            left() { find /etc /usr /var -xdev \\( -path /var/cache -o -path /var/lib/dpkg -o -path /var/log -o \\
                -path /var/lib/systemd -o -path /var/lib/apt -o -path /var/lib/PackageKit -o -name '*-' -path '/etc/*' -o -name .pwd.lock \\) -prune -o -print |
              grep -vE '^/var/lib/private$|\\.wants$'; cat /etc/passwd /etc/group; systemctl list-units --all --plain --no-legend 'spot*'; }
            next() {
              dpkg-deb --raw-extract "/box/$1.deb" "/root/$1"
              sed -i 's/^Version: .*/&.next/' "/root/$1/DEBIAN/control"
              for file in "/root/$1"/usr/share/spot-*/*.env; do echo '# a new example' >>"$file"; done
              dpkg-deb -Znone --build "/root/$1" "/root/$1.deb" >/dev/null
            }

            """

    private func expectToPass(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let packages = try Packages.names.flatMap { name in
            try ["deb", "rpm"].map { "\(try Packages.file(name, $0)):/box/\(name).\($0)" }
        }
        let status = try SystemdBox.run(
            unitPrelude + Self.prelude + script,
            copies: packages + [try builtProgram("SystemdScenarios"), "\(Packages.root)/Packaging/install-agent"],
            within: 200)
        #expect(status.status == 0, "\(status.said)", sourceLocation: sourceLocation)
    }

    @Test func `the coordinator's package makes its user, follows the preset, serves, and is gone without a trace`()
        throws
    {
        try expectToPass(
            """
            left >/root/before
            dpkg --install /box/spot-coordinator.deb
            [ "$(show spot-coordinator ActiveState)" = active ]
            [ "$(systemctl is-enabled spot-coordinator.service)" = enabled ]
            [ "$(systemctl is-enabled spot-coordinator.socket || :)" = disabled ]
            [ "$(stat -c '%U %G' "/proc/$(show spot-coordinator MainPID)")" = 'spot-coordinator spot-coordinator' ]
            [ "$(stat -c '%a %U %G' /etc/spot-optimizer/coordinator.env)" = '640 root spot-coordinator' ]
            journalctl -q -x MESSAGE_ID=8d1cf5cb5b0f4a6f9d2f0c1d4c1b7a01 | grep 'Subject: The coordinator serves' >/dev/null
            spot-coordinator client create acme >/dev/null

            # In a backup's place by root, it is still the service's own.
            spot-coordinator backup /root/copy >/dev/null
            systemctl stop spot-coordinator
            spot-coordinator restore /root/copy >/dev/null
            systemctl start spot-coordinator
            spot-coordinator client list | grep acme >/dev/null

            dpkg --remove spot-coordinator
            [ "$(show spot-coordinator ActiveState)" = inactive ]
            if pgrep -x spot-coordinato; then exit 1; fi
            [ -e /etc/spot-optimizer/coordinator.env ]
            [ -e /var/lib/spot-coordinator/coordinator.sqlite ]
            dpkg --install /box/spot-coordinator.deb
            spot-coordinator client list | grep acme >/dev/null
            dpkg --purge spot-coordinator
            rm /root/copy
            left >/root/after
            diff /root/before /root/after
            """)
    }

    @Test func `the state of a unit that was copied by hand, with a dynamic user, is its package's`() throws {
        try expectToPass(
            """
            dpkg-deb --extract /box/spot-coordinator.deb /root/by-hand
            cp /root/by-hand/usr/bin/spot-coordinator /usr/bin/
            cp /root/by-hand/usr/lib/systemd/system/* /etc/systemd/system/
            systemctl daemon-reload
            systemctl start spot-coordinator
            spot-coordinator client create acme >/dev/null
            was=$(stat -c %u /var/lib/spot-coordinator/coordinator.sqlite)
            systemctl stop spot-coordinator
            rm /etc/systemd/system/spot-coordinator.*
            dpkg --install /box/spot-coordinator.deb
            spot-coordinator client list | grep acme >/dev/null
            [ "$(stat -c %U /var/lib/spot-coordinator/coordinator.sqlite)" = spot-coordinator ]
            [ "$(id -u spot-coordinator)" != "$was" ]
            """)
    }

    @Test func `an upgrade restarts both, keeps settings and state, refuses no connection, and moves no workload`()
        throws
    {
        try expectToPass(
            """
            left >/root/before
            printf '[Service]\\nExecStart=/bin/sleep 600\\n' >/etc/systemd/system/web.service
            systemctl daemon-reload
            dpkg --install /box/spot-coordinator.deb
            systemctl enable spot-coordinator.socket
            systemctl restart spot-coordinator
            world 127.0.0.1
            echo PROMOTE_UNITS=web >>/etc/spot-optimizer/agent.env
            dpkg --install /box/spot-agent.deb
            in_contact
            until_ '[ "$(show web ActiveState)" = active ]'
            running() { for u in spot-agent spot-coordinator web; do show $u MainPID; done | tr '\\n' ' '; }
            first=($(running))
            echo AGENT_HEARTBEAT_TIMEOUT=100 >>/etc/spot-optimizer/coordinator.env
            settings=$(md5sum /etc/spot-optimizer/{agent,coordinator}.env)

            ask() { exec 3<>/dev/tcp/127.0.0.1/5000; printf 'GET /ping HTTP/1.0\\r\\n\\r\\n' >&3; tail -n 1 <&3; exec 3<&-; }
            next spot-coordinator; next spot-agent
            # Nobody is there to be asked.
            dpkg --install /root/spot-{coordinator,agent}.deb </dev/null & upgrading=$!
            # Refused is none. One that is taken in the moment of a stop may end without an answer, or while it is asked.
            asked=0 ended=0
            while kill -0 $upgrading 2>/dev/null; do
              answer=$(ask) || :
              case $answer in pong) ;; '') ended=$((ended + 1)) ;; *) exit 1 ;; esac
              asked=$((asked + 1))
            done
            wait $upgrading
            [ $asked -gt 20 ]
            [ $ended -le 1 ]
            dpkg-query -W -f '${Version}\\n' spot-agent spot-coordinator | grep -c 'next$' | grep -x 2 >/dev/null

            in_contact
            then=($(running))
            [ ${then[0]} != ${first[0]} ]
            [ ${then[1]} != ${first[1]} ]
            [ ${then[2]} = ${first[2]} ]
            [ "$(md5sum /etc/spot-optimizer/{agent,coordinator}.env)" = "$settings" ]
            grep -q 'a new example' /usr/share/spot-agent/agent.env
            [ "$(says 'registered')$(says 'changes of the network are not seen')" = 10 ]
            [ "$(spot-coordinator events --json | grep -c incident || :)" = 0 ]
            # Restarted, not stopped by anything else, and never failed.
            [ "$(show spot-agent NRestarts) $(show spot-coordinator NRestarts)" = '0 0' ]

            # What was disabled since stays so.
            systemctl disable spot-agent
            dpkg --install /root/spot-agent.deb
            [ "$(systemctl is-enabled spot-agent || :)" = disabled ]
            [ "$(show spot-agent ActiveState)" = active ]

            dpkg --remove spot-agent
            if pgrep -x spot-agent; then exit 1; fi
            [ "$(systemctl list-units --all --plain --no-legend 'spot-agent*' 'spot-order*')" = '' ]
            [ "$(show web MainPID)" = ${first[2]} ]
            dpkg --purge spot-agent spot-coordinator
            systemctl stop web; rm /etc/systemd/system/web.service
            left >/root/after
            diff /root/before /root/after
            """)
    }

    /// Debian has no packages by those names, but all that the scripts call.
    @Test func `an rpm's scripts enable, restart on an upgrade, and stop, and leave the first start to others`() throws
    {
        try expectToPass(
            """
            rpm() { command rpm --force-debian --nodeps --nosignature "$@"; }
            # As where there is no dpkg.
            check() { mv /var/lib/dpkg/status /root/; sh /box/install-agent --check || :; mv /root/status /var/lib/dpkg/; }
            check | grep -x 'failed   spot-agent is installed'
            rpm --install /box/spot-coordinator.rpm
            [ "$(systemctl is-enabled spot-coordinator.service)" = enabled ]
            [ "$(systemctl is-enabled spot-coordinator.socket || :)" = disabled ]
            [ "$(show spot-coordinator ActiveState)" = inactive ]
            # Its folder comes with its first start.
            if spot-coordinator restore /root/copy 2>/root/said; then exit 1; else [ $? = 78 ]; fi
            grep -q 'start the service once' /root/said
            [ "$(stat -c '%a %U %G' /etc/spot-optimizer/coordinator.env)" = '640 root spot-coordinator' ]
            rpm --install /box/spot-agent.rpm
            world 127.0.0.1
            systemctl start spot-agent
            in_contact
            check | grep -E '^ok       spot-agent is installed: [0-9.]+-[0-9]+'
            first=$(show spot-coordinator MainPID) agent=$(show spot-agent MainPID)
            systemctl disable spot-agent
            rpm --upgrade --force /box/spot-coordinator.rpm /box/spot-agent.rpm
            [ "$(show spot-coordinator MainPID)" != "$first" ]
            [ "$(show spot-agent MainPID)" != "$agent" ]
            [ "$(systemctl is-enabled spot-agent || :)" = disabled ]
            in_contact
            [ "$(says 'registered')" = 1 ]
            grep -q LOGICAL_AGENT_ID=web /etc/spot-optimizer/agent.env
            rpm --erase spot-agent spot-coordinator
            if pgrep -x 'spot-agent|spot-coordinato'; then exit 1; fi
            [ -z "$(find /etc/systemd/system -name 'spot-*')" ]
            [ ! -e /usr/bin/spot-agent ]
            [ -e /var/lib/spot-coordinator/coordinator.sqlite ]
            """)
    }

    @Test func `an agent that nobody has set up is installed and enabled, and says what is missing`() throws {
        try expectToPass(
            """
            dpkg --install /box/spot-agent.deb
            [ "$(systemctl is-enabled spot-agent)" = enabled ]
            [ "$(stat -c '%a %U %G' /etc/spot-optimizer/agent.env)" = '640 root root' ]
            # It is started again and again, and has said nothing yet at the beginning.
            until_ '[[ "$(show spot-agent StatusText)" == *SPOT_OPTIMIZER_CLIENT_TOKEN* ]]'
            dpkg --purge spot-agent
            [ ! -e /etc/spot-optimizer ]
            """)
    }

    @Test func `install-agent sets one up in one line, changes nothing the second time, and takes it away`() throws {
        try expectToPass(
            """
            dpkg --install /box/spot-coordinator.deb
            world 127.0.0.1
            install=/box/install-agent
            mv /etc/credstore/client-token /root/token
            mv /etc/spot-optimizer/agent.env /root/
            rmdir /etc/credstore
            left | grep -v spot-coordinator >/root/before
            said=$($install --check) && exit 1; grep -q '^failed   spot-agent is installed' <<<"$said"
            if $install --server http://127.0.0.1:5000 --package /box/spot-agent.deb; then exit 1; else [ $? = 64 ]; fi
            if $install --server http://127.0.0.1:5000 CLIENT_TOKEN=x; then exit 1; else [ $? = 64 ]; fi

            # On a machine of the original agent's.
            printf '[Service]\\nExecStart=/bin/sleep 600\\n[Install]\\nWantedBy=multi-user.target\\n' \\
              >/etc/systemd/system/spot-optimizer-agent.service
            systemctl enable --now spot-optimizer-agent
            printf '%s\\n' '# mine' '' BACKEND_URL=http://127.0.0.1:1 CLIENT_TOKEN=of-old-0123456789 >/etc/spot-optimizer/agent.env
            chmod 600 /etc/spot-optimizer/agent.env
            once() { $install --server http://127.0.0.1:5000 --package /box/spot-agent.deb --token-file - "$@" </root/token; }
            settings=$(cat /root/agent.env)
            once $settings | grep 'is registered with http://127.0.0.1:5000 as agent'
            [ "$(show spot-optimizer-agent ActiveState) $(systemctl is-enabled spot-optimizer-agent || :)" = 'inactive disabled' ]
            printf '%s\\n' '# mine' '' SPOT_OPTIMIZER_SERVER_URL=http://127.0.0.1:5000 $settings | diff - /etc/spot-optimizer/agent.env
            [ "$(stat -c '%a %U' /etc/credstore/client-token)" = '600 root' ]
            diff /root/token /etc/credstore/client-token
            $install --check

            first=$(show spot-agent MainPID)
            once $settings
            [ "$(show spot-agent MainPID)" = "$first" ]
            printf '%s\\n' 'PROMOTE_UNITS=a.service, \\' '  b.service' >>/etc/spot-optimizer/agent.env
            chmod 644 /etc/credstore/client-token
            once LOG_LEVEL=debug PROMOTE_UNITS= 'VERIFY_URL=http://127.0.0.1/?TOKEN=1'
            [ "$(show spot-agent MainPID)" != "$first" ]
            grep -qx LOG_LEVEL=debug /etc/spot-optimizer/agent.env
            if grep -q 'b.service' /etc/spot-optimizer/agent.env; then exit 1; fi
            [ "$(stat -c '%a %U' /etc/credstore/client-token)" = '600 root' ]
            $install --check
            systemctl stop spot-agent
            said=$($install --check) && exit 1; grep -q '^failed   spot-agent.service runs' <<<"$said"

            rm /etc/systemd/system/spot-optimizer-agent.service
            $install --uninstall
            $install --uninstall
            systemctl daemon-reload
            left | grep -v spot-coordinator >/root/after
            diff /root/before /root/after
            """)
    }
}
