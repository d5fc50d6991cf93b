import t from 'tap'
import { AskFailed, behavior, type LocalRef, message, next, nodeProtocol, reply } from '../../lib/index.js'
import { bed, type Bed, deferred, startActor } from '../fixtures/kernel/index.js'

const Slow = nodeProtocol('slow', { Work: message().replies() })
const Caller = nodeProtocol('caller', { Careless: message(), Careful: message(), Late: message() })

const world = ({ kernel }: Pick<Bed, 'kernel'>) => {
  const work = deferred()
  const slow = startActor(
    kernel,
    behavior(Slow, {
      init: () => 0,
      on: {
        Work: async (n) => {
          await work.promise
          return reply(n)
        },
      },
    }),
    'slow',
  )
  const to = slow.actor.ref as unknown as LocalRef<'slow'>
  const seen: string[] = []
  const caller = startActor(
    kernel,
    behavior(Caller, {
      init: () => 0,
      on: {
        Careless: async (n, _, self) => {
          await self.ask(to, Slow.Work())
          return next(n)
        },
        Careful: async (n, _, self) => {
          try {
            await self.ask(to, Slow.Work())
          } catch (error) {
            seen.push(error instanceof AskFailed ? error.reason.tag : 'another')
          }
          return next(n)
        },
        Late: (n) => {
          seen.push('late')
          return next(n)
        },
      },
    }),
    'caller',
  )
  return { work, seen, caller, ref: caller.actor.ref as unknown as LocalRef<'caller'> }
}

t.test('O74 call: 5000 ms default; on timeout the caller exits unless it catches', async (t) => {
  const careless = bed()
  const one = world(careless)
  one.ref.tell(Caller.Careless())
  await careless.settle()
  careless.clock.advance(4_999)
  await careless.settle()
  t.same(one.caller.ended, [], 'it waits')
  careless.clock.advance(11)
  await careless.settle()
  t.match(one.caller.ended, [{ tag: 'crash', error: { code: 'AskTimeout' } }])
  const careful = bed()
  const other = world(careful)
  other.ref.tell(Caller.Careful())
  await careful.settle()
  careful.clock.advance(5_010)
  await careful.settle()
  t.same([other.seen, other.caller.ended], [['AskTimeout'], []])
})

t.test('O74 late replies vanish instead of landing in the mailbox', async (t) => {
  const { clock, kernel, settle } = bed()
  const { ref, seen, caller, work } = world({ kernel })
  ref.tell(Caller.Careful())
  await settle()
  clock.advance(5_010)
  await settle()
  work.resolve()
  await settle()
  t.same(seen, ['AskTimeout'])
  t.equal(caller.actor.cell.mailboxCount, 0)
  t.match(kernel.counts(), { lateReplies: 1, waiting: 0 }, 'it is counted, and a dead letter')
  t.match(kernel.deadLetters(), [{ reason: 'late-reply', path: 'slow/' }])
})
