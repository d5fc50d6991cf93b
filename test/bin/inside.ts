import t from 'tap'
import { mortal } from '../../bin/inside.js'
import { seededRandom } from '../../lib/std/random.js'
import { systemClock } from '../../lib/std/system.js'
import { VirtualClock } from '../../lib/std/virtual-clock.js'
import { memory } from '../../lib/transport/memory.js'
import type { ProbeAnswer, Session } from '../../lib/transport/transport.js'

const random = seededRandom(1)
const listening = (session: Session, node: string, onFrame: () => void): Promise<void> =>
  new Promise((resolve) => session.listen(node, { onFrame }, resolve))
const probed = (session: Session, node: string): Promise<ProbeAnswer> =>
  new Promise((resolve) => session.probe(node, 1_000, resolve))

const pair = async () => {
  const network = memory()
  const life = mortal(network)
  const open = (nodeName: string) => ({ cluster: 'c', nodeName, clock: systemClock, random })
  const own = await life.transport.open({ ...open('a'), clock: life.clock })
  const other = await network.open(open('b'))
  return { life, own, other }
}

t.test('inside - a node that was dropped runs nothing more: no timer, no frame, no send', async (t) => {
  const { life, own, other } = await pair()
  const ran: string[] = []
  await listening(own, 'a#1', () => ran.push('frame at a'))
  await listening(other, 'b#1', () => ran.push('frame at b'))
  other.send('a#1', 'data', new Uint8Array([1]))
  own.send('b#1', 'data', new Uint8Array([1]))
  t.equal(await probed(other, 'a#1'), 'answered')
  t.same(ran, ['frame at a', 'frame at b'])

  let later = (): void => {}
  const passed = new Promise<void>((resolve) => {
    later = resolve
  })
  life.clock.after(0, () => ran.push('timer'))
  life.clock.defer(() => ran.push('deferred'))
  other.send('a#1', 'data', new Uint8Array([2]))
  life.die()
  own.send('b#1', 'data', new Uint8Array([2]))
  life.clock.after(0, () => ran.push('timer after death'))
  t.equal(await probed(other, 'a#1'), 'no-responders', 'and those who probe it find nobody')
  // A timer of the living that is due later than all of them.
  systemClock.after(1, later)
  await passed
  t.equal(ran.length, 2)
})

t.test('inside - a node that was dropped leaves no timer behind', async (t) => {
  const clock = new VirtualClock()
  const life = mortal(memory(), clock)
  const ran: string[] = []
  life.clock.after(10, () => ran.push('first'))
  life.clock.after(20, () => ran.push('cancelled')).cancel()
  life.clock.after(30, () => ran.push('later'))
  clock.advance(20)
  t.same(ran, ['first'])
  t.equal(clock.pendingCount, 1)
  life.die()
  t.equal(clock.pendingCount, 0)
  clock.advance(100)
  t.same(ran, ['first'])
})
