import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as io from 'io-ts'
import t from 'tap'
import { id, Misuse } from '../../../lib/index.js'

const UserId = id('UserId')

t.test('id – the constructor is the codec', async (t) => {
  t.equal(UserId('alice'), 'alice')
  t.equal(UserId.name, 'UserId')
  t.equal(UserId.encode, io.identity)
  t.same(UserId.decode('alice'), E.right('alice'))
  t.same(io.array(UserId).decode(['a', 'b']), E.right(['a', 'b']))
  t.equal(io.type({ by: UserId }).is({ by: 'a' }), true)
  t.equal(io.type({ by: UserId }).encode, io.identity)
  t.same(UserId.pipe(io.string as never).decode('a'), E.right('a'))
  t.same(UserId.asDecoder().decode('a'), E.right('a'))
  t.equal(UserId.asEncoder().encode(UserId('a')), 'a')
})

t.test('id – 1 to 256 characters of well-formed Unicode', async (t) => {
  for (const bad of ['', 'x'.repeat(257), '\ud800', 'a\udc00b', 7, null, undefined, {}]) {
    t.equal(UserId.is(bad), false)
    t.ok(E.isLeft(UserId.decode(bad)))
    t.throws(() => UserId(bad as string), {
      code: 'InvalidId',
      message: /expected UserId, 1 to 256 characters/,
    })
  }
  t.throws(() => UserId(''), Misuse)
  t.equal(UserId('🎲'), '🎲')
  t.equal(UserId('x'.repeat(256)).length, 256)
})

t.test('id – takes exactly the strings that are the same after UTF-8', async () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 30, unit: 'binary' }),
      (text) => UserId.is(text) === (Buffer.from(text).toString() === text),
    ),
    { numRuns: 200 },
  )
})
