import t from 'tap'
import { groups } from '../fixtures/otp/groups.js'
import { World } from '../fixtures/otp/world.js'

// A hundred thousand children take a while on a machine that has other things to do.
t.setTimeout(300_000)

for (const { checks } of groups) {
  for (const [title, run] of checks) {
    t.test(title, async (t) => {
      await run(new World())
      t.pass('as OTP does it')
    })
  }
}
