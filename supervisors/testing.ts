/** For the tests of those who use tumen. */
export { stepper, type AskOutcome, type Stepper, type StepperOptions } from '../lib/api/stepper.js'
