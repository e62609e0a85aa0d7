import Platform

extension SandboxSettings {
    static let program = ProgramDescription(
        name: "spot-sandbox", version: "0.1.0 (not AWS)",
        summary: "Pretends to be the part of AWS that spot uses, for demonstrations, drills and tests. It is NOT AWS.",
        subcommands: [
            Subcommand(
                "serve", "Pretend until SIGTERM.", options: [.configFile], takesSettings: true,
                examples: [
                    Example("serve", "Instances that are nothing but their metadata."),
                    Example(
                        "serve --boot 'exec python3 -m http.server --bind $SANDBOX_ADDRESS 8080' --balancer web=127.0.0.1:8088/8080",
                        "Each instance is a web server, at an address of its own. The balancer web sends traffic to those that "
                            + "were registered with it: by `register`, or as a program does with RegisterTargets."),
                ],
                notes: [
                    "A program asks it instead of AWS with AWS_ENDPOINT_URL and AWS_EC2_METADATA_SERVICE_ENDPOINT; "
                        + "`spot-sandbox status` shows what goes there, and the key. "
                        + "Tokens, signatures and states are those of AWS, as far as our programs can tell."
                ]),
            Subcommand(
                "page", "Be a workload: serve a page with this text until SIGTERM.",
                options: [
                    Option("at", value: "ADDRESS:PORT", "Where, on a private network; 127.0.0.1:8080, when left out.")
                ], arguments: [Argument("TEXT", "What it says, such as the instance that serves it.")]),
            make("instances", "List the instances."),
            make(
                "launch", "Launch an instance, and show it.",
                [
                    Option("type", value: "TYPE", "Its type; m5.large, when left out."),
                    Option("zone", value: "ZONE", "Its zone; the first, when left out."),
                    Option(
                        "address", value: "ADDRESS",
                        "The address of its workload, where it is not that of its metadata: in a namespace behind a bridge."
                    ),
                    Option("name", value: "NAME", "Its tag Name; orders take it in place of the id."),
                    Option("on-demand", "Not spot: no notice can come."),
                    Option("no-boot", "Without a command, whatever `serve` was told: somebody else plays it."),
                ], [],
                [Example("launch --name web-1 --zone us-east-1b", "One to give orders about as web-1.")]),
            make(
                "notice", "Announce that EC2 takes the instance back; it does so exactly then.",
                [
                    Option(
                        "in", value: "SECONDS",
                        "When; 120, when left out. AWS names whole seconds: the next one after it."),
                    Option("action", value: "ACTION", "terminate (when left out), stop or hibernate."),
                ], [instance],
                [
                    Example("notice web-1", "What EC2 does: two minutes."),
                    Example("notice web-1 --in 20", "The same for those in a hurry."),
                ]),
            make("rebalance", "Recommend to leave the instance, which is all that happens.", [], [instance]),
            make(
                "maintenance", "Schedule an event for the instance. Nothing comes of it.",
                [
                    Option("in", value: "SECONDS", "When it begins; 3600, when left out."),
                    Option(
                        "code", value: "CODE",
                        "instance-reboot, system-reboot (when left out), system-maintenance, instance-retirement or instance-stop."
                    ),
                ], [instance]),
            make(
                "lifecycle", "Say what an Auto Scaling group wants the instance to be.", [],
                [instance, Argument("STATE", "InService, Terminated, Detached or Standby.")]),
            make(
                "terminate", "End the instance, as TerminateInstances does.",
                [Option("at-once", "Without SIGTERM and its time: as when the machine under it fails.")], [instance]),
            make("cancel", "Take back what was announced for the instance.", [], [instance]),
            make(
                "register", "Have a balancer send traffic to the running instance, as RegisterTargets does.", [],
                [instance, balancer], [Example("register web-1 web", "Two good probes later, web carries to it.")]),
            make(
                "deregister", "Have the balancer let go of it: it drains first, as DeregisterTargets does.", [],
                [instance, balancer]),
            make(
                "fault", "Have something go wrong, until it is mended.",
                [
                    Option("count", value: "NUMBER", "Only so many times."),
                    Option("seconds", value: "SECONDS", "Only for so long."),
                    Option("instance", value: "INSTANCE", "Only this one's metadata."),
                ],
                [
                    Argument("WHAT", "An action of EC2 or ELB such as RunInstances, `metadata`, or `all`."),
                    Argument("KIND", "throttle, error CODE, slow MILLISECONDS, hang (for a minute, then 503) or drop."),
                    Argument("VALUE", "The code or the time.", count: .atMostOne),
                ],
                [
                    Example("fault RunInstances error InsufficientInstanceCapacity --count 2", "No room, twice."),
                    Example("fault metadata hang --seconds 30", "Nobody sees a notice."),
                    Example("fault all slow 1500", "A bad day."),
                ]),
            make("faults", "List what goes wrong."),
            make(
                "mend", "End faults.", [],
                [Argument("WHAT", "Those of that alone; all, when left out.", count: .atMostOne)]),
            make("targets", "List the members of the target groups, and how they are."),
            make("status", "Show what there is: addresses, keys, balancers, volumes."),
        ],
        settings: schema,
        notes: [
            "The settings of `serve` are read from \(standardFile) when it is there.",
            "Never to be installed on a server: whoever reaches it can do everything.",
        ])

    private static let balancer = Argument("BALANCER", "Its name in `serve --balancer`.")
    private static let instance = Argument("INSTANCE", "Its id, its address or its tag Name.")

    private static func make(
        _ name: String, _ summary: String, _ options: [Option] = [], _ arguments: [Argument] = [],
        _ examples: [Example] = []
    ) -> Subcommand {
        Subcommand(
            name, summary, options: options + [.sandbox, .json], arguments: arguments, examples: examples,
            notes: [
                "Ends with 0 when it is done, 1 when the sandbox refuses, 64 when the command line is wrong, 69 when no sandbox "
                    + "answers."
            ])
    }
}

extension Option {
    static let sandbox = Option(
        "sandbox", value: "URL",
        "Where the sandbox is. Left out: what SPOT_SANDBOX_URL says, else http://127.0.0.1:1338.")
    static let json = Option("json", "Show the sandbox's own JSON instead of text for people.")
}
