import t from 'tap'
import { AssertionFailed, assert, unreachable } from '../../../lib/std/assert.js'

t.test('assert - passes what holds and throws what does not, with its context', async (t) => {
  assert(true, 'fine')
  t.throws(() => assert(false, 'seq has no gaps', { seq: 4, last: 2 }), {
    name: 'AssertionFailed',
    message: 'seq has no gaps (seq=4, last=2)',
    context: { seq: 4, last: 2 },
  })
  t.throws(() => assert(false, 'bare'), { message: 'bare' })
})

t.test('unreachable - throws for a value that the types did not allow', async (t) => {
  t.throws(() => unreachable('surprise' as never), AssertionFailed)
})
