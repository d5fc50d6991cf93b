import t from 'tap'
import { groups } from '../fixtures/otp/groups.js'
import { World } from '../fixtures/otp/world.js'

for (const { name, checks, wrong } of groups) {
  for (const [which, decider] of Object.entries(wrong)) {
    t.test(`wrong deciders - ${name}: "${which}" does not pass`, async (t) => {
      const broken: string[] = []
      for (const [title, run] of checks) {
        try {
          await run(new World(decider))
        } catch {
          broken.push(title)
        }
      }
      t.ok(broken.length > 0, `${broken.length} of ${checks.length} checks notice it`)
      t.comment(broken.map((title) => title.split(' ')[0]).join(' '))
    })
  }
}
