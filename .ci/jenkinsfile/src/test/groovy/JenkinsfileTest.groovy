import com.lesfurets.jenkins.unit.BasePipelineTest
import org.junit.Before
import org.junit.Test

import static org.junit.Assert.assertEquals
import static org.junit.Assert.assertThrows
import static org.junit.Assert.assertTrue

class JenkinsfileTest extends BasePipelineTest {
    private static final File CHECKOUT = new File('../..').canonicalFile
    private Strict strict

    @Before
    @Override
    void setUp() {
        super.setUp()
        strict = new Strict()
        helper.registerAllowedMethod('pipeline', [Closure]) { strict.pipeline(it) }
    }

    private Strict play(String text = new File(CHECKOUT, 'Jenkinsfile').text) {
        def file = File.createTempFile('Jenkinsfile', '')
        file.text = text
        file.deleteOnExit()
        runScript(file.path)
        return strict
    }

    private List<String> commands() {
        strict.stages*.steps.flatten().findAll { it.startsWith('sh ') }*.substring(3)
    }

    @Test
    void everyCommandIsAScriptOfTheRepository() {
        play()
        commands().each { command ->
            def script = new File(CHECKOUT, command.split(' ')[0])
            assertTrue("$script", script.canExecute())
        }
    }

    @Test
    void mainIsTestedBuiltTriedAndApprovedBeforeProduction() {
        play()
        assertEquals(['Check and test', 'Build', 'Staging', 'Approval', 'Production'], strict.stages*.name)
        assertEquals(['build', 'build', 'staging', null, 'production'], strict.stages*.agent)
        assertTrue(strict.stages.every { it.timeout })
        assertTrue(strict.options.containsAll(['disableConcurrentBuilds', 'timeout', 'buildDiscarder']))
    }

    @Test
    void anotherBranchIsTestedAndBuiltOnly() {
        strict.branch = 'a-change'
        play()
        assertEquals(['Check and test', 'Build'], strict.stages*.name)
    }

    @Test
    void whatFailsTheSmokeTestDoesNotReachProduction() {
        strict.failing = ['deploy/smoke'] as Set
        assertThrows(Strict.StepFailed) { play() }
        assertEquals('Staging', strict.stages.last().name)
    }

    @Test
    void reportsAreKeptWhenTheTestsFail() {
        strict.failing = ['.ci/run'] as Set
        assertThrows(Strict.StepFailed) { play() }
        assertTrue(strict.stages.last().steps.any { it.startsWith('archiveArtifacts') })
    }

    @Test
    void unknownWordsAndWrongNestingFail() {
        def stage = { String inner -> "pipeline { agent none\n stages { stage('x') { $inner } } }" }
        [
            stage("step { sh 'x' }"),
            stage("steps { shell 'x' }"),
            stage("sh 'x'"),
            stage("steps { timeout(time: 1) { sh 'x' } }"),
            stage("steps { stage('y') { } }"),
            stage("options { retries(3) }\n steps { sh 'x' }"),
            "pipeline { agent none\n steps { sh 'x' } }",
            "pipeline { agent none\n stage('x') { steps { sh 'x' } } }",
            "pipeline { agent none\n post { sometimes { echo 'x' } }\n stages { stage('x') { steps { sh 'x' } } } }",
        ].each { text ->
            strict = new Strict()
            assertThrows(text, IllegalArgumentException) { play(text) }
        }
    }
}
