/**
 * The words of a declarative pipeline, each allowed only where Jenkins allows it. What is not listed here fails: an unknown
 * directive, an unknown step, a step outside of `steps`.
 */
class Strict {
    static final Set<String> STEPS = ['sh', 'echo', 'input', 'archiveArtifacts', 'junit']
    static final Set<String> OPTIONS =
        ['disableConcurrentBuilds', 'timeout', 'buildDiscarder', 'timestamps', 'skipDefaultCheckout', 'preserveStashes']
    static final Set<String> CONDITIONS = ['always', 'failure', 'success', 'unstable', 'aborted', 'cleanup']

    /** What happened: stages, and the steps in them, in their order. */
    final List<Map> stages = []
    final Map<String, Object> environment = [:]
    final List<String> options = []
    List<String> steps = []
    /** The commands that fail. */
    Set<String> failing = []
    String branch = 'main'

    static void inside(Block block, Closure body) {
        body = (Closure) body.clone()
        body.delegate = block
        body.resolveStrategy = Closure.DELEGATE_ONLY
        body.call()
    }

    void pipeline(Closure body) {
        def found = []
        def failure = null
        def post = null
        inside(new Block('pipeline', [
            agent      : { found << 'agent' },
            options    : { Closure it -> optionsOf('pipeline', options, it) },
            environment: { Closure it -> inside(new Block('environment', ['=': { List pair -> environment[pair[0]] = pair[1] }], [env: [:]]), it) },
            post       : { Closure it -> post = it },
            stages     : { Closure it ->
                found << 'stages'
                try {
                    inside(new Block('stages', [stage: { String name, Closure stage -> this.stage(name, stage) }]), it)
                } catch (StepFailed failed) {
                    failure = failed
                }
            },
        ], [none: 'none', any: 'any']), body)
        assert found.contains('agent') && found.contains('stages'): 'a pipeline has an agent and stages'
        if (post != null) {
            runPost(post, failure == null)
        }
        if (failure != null) {
            throw failure
        }
    }

    private void stage(String name, Closure body) {
        def stage = [name: name, agent: null, timeout: false, branches: [], steps: []]
        Closure run = null
        Closure post = null
        inside(new Block("stage $name", [
            agent      : { Closure it -> inside(new Block('agent', [label: { String label -> stage.agent = label }]), it) },
            options    : { Closure it ->
                def seen = []
                optionsOf("stage $name", seen, it)
                stage.timeout = seen.contains('timeout')
            },
            when       : { Closure it -> inside(new Block('when', [branch: { String wanted -> stage.branches << wanted }]), it) },
            steps      : { Closure it -> run = it },
            post       : { Closure it -> post = it },
            environment: { Closure it -> inside(new Block('environment', ['=': { List pair -> }]), it) },
        ]), body)
        assert run != null: "the stage $name has steps"
        if (stage.branches && !(branch in stage.branches)) {
            return
        }
        stages << stage
        steps = stage.steps
        def failure = null
        try {
            inside(new Block('steps', stepWords()), run)
        } catch (StepFailed failed) {
            failure = failed
        }
        if (post != null) {
            runPost(post, failure == null)
        }
        if (failure != null) {
            throw failure
        }
    }

    private void runPost(Closure post, boolean succeeded) {
        def conditions = CONDITIONS.collectEntries { condition ->
            [condition, { Closure body ->
                if (condition == 'always' || condition == 'cleanup' || (condition == 'success') == succeeded) {
                    inside(new Block("post $condition", stepWords()), body)
                }
            }]
        }
        inside(new Block('post', conditions), post)
    }

    private Map<String, Closure> stepWords() {
        STEPS.collectEntries { word ->
            [word, { argument ->
                steps << "$word $argument".toString()
                if (word == 'sh' && argument in failing) {
                    throw new StepFailed(argument as String)
                }
            }]
        }
    }

    private static void optionsOf(String place, List seen, Closure body) {
        def words = OPTIONS.collectEntries { word -> [word, { argument -> seen << word }] }
        words.logRotator = { argument -> argument }
        inside(new Block("options of $place", words), body)
    }

    static class StepFailed extends RuntimeException {
        StepFailed(String command) { super(command) }
    }
}
