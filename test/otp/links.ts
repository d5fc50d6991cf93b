import t from 'tap'
import { linkRules } from '../../lib/kernel/links-state.js'
import { BoundWorld } from '../fixtures/otp/bound-world.js'
import { links, wrongRules } from '../fixtures/otp/links.js'

for (const [title, run] of links) {
  t.test(title, async (t) => {
    await run(new BoundWorld())
    t.pass('as OTP does it')
  })
}

for (const [which, rules] of Object.entries(wrongRules(linkRules))) {
  t.test(`wrong rules - links: "${which}" does not pass`, async (t) => {
    const broken: string[] = []
    for (const [title, run] of links) {
      try {
        await run(new BoundWorld(rules))
      } catch {
        broken.push(title)
      }
    }
    t.ok(broken.length > 0, `${broken.length} of ${links.length} checks notice it`)
    t.comment(broken.map((title) => title.split(' ')[0]).join(' '))
  })
}
