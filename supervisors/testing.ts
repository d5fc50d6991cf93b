/** For the tests of those who use tumen. */
export { stepper, type AskOutcome, type Stepper, type StepperOptions } from '../lib/api/stepper.js'
export { seededRandom } from '../lib/std/random.js'
export { VirtualClock, type VirtualClockOptions } from '../lib/std/virtual-clock.js'
export {
  type Closes,
  type TestCluster,
  testCluster,
  type TestClusterOptions,
  type WaitOptions,
} from './testing/cluster.js'
export { type ExpectOptions, ExpectationFailed, type Expectations } from './testing/expect.js'
export { failing, type FailurePlan } from './testing/failing.js'
export { type Answers, type Probe, probe, type Received } from './testing/probe.js'
