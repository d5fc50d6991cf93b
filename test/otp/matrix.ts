/** Restart type × end × strategy, complete: who is done what to, and who runs afterwards. */
import t from 'tap'
import { dynamic, type Restart, supervisor, type Strategy } from '../../lib/index.js'
import { type End, ends, type Grown, World } from '../fixtures/otp/world.js'

const restarts: readonly Restart[] = ['permanent', 'transient', 'temporary']

const isRestarted = (restart: Restart, end: End): boolean =>
  restart === 'permanent' || (restart === 'transient' && (end === 'crash' || end === 'kill'))
const group: Readonly<Record<Strategy, string>> = {
  one_for_one: '+b',
  one_for_all: '-c -a +a +b +c',
  rest_for_one: '-c +b +c',
}
/** An actor that ends in order is asked to stop, also by itself. */
const asked = (end: End): string => (end === 'crash' || end === 'kill' ? '' : '-b')

const strategies: readonly Strategy[] = ['one_for_one', 'one_for_all', 'rest_for_one']
for (const strategy of strategies) {
  t.test(`matrix - ${strategy}: every restart type and every end`, async (t) => {
    for (const restart of restarts) {
      for (const end of ends) {
        const w = new World()
        const children = [w.worker('a'), w.worker('b', { restart }), w.worker('c')]
        const it = await w.grow(supervisor('root', { strategy }, children))
        w.take()
        await it.end('b', end)
        const isBack = isRestarted(restart, end)
        const rest = restart === 'temporary' ? 'a c' : 'a b:stopped c'
        const expected = [asked(end), isBack ? group[strategy] : ''].filter((word) => word !== '').join(' ')
        t.same([w.take(), it.shape()], [expected, isBack ? 'a b c' : rest], `${restart}, ${end}`)
        t.same(it.ended, [])
      }
    }
  })
}

const shapeOf = (it: Grown): string => it.shape('pool').replaceAll(/-\d+/g, '')

t.test('matrix - dynamic: every restart type and every end', async (t) => {
  for (const restart of restarts) {
    for (const end of ends) {
      const w = new World()
      const it = await w.grow(supervisor('root', {}, [dynamic('pool', { restart })]))
      for (const kind of ['a', 'b', 'c']) await it.answer(it.supervisor('pool').startChild(w.behavior(kind)))
      const [, b] = it.supervisor('pool').children()
      w.take()
      await it.end(b?.ref as NonNullable<typeof b>['ref'] & object, end)
      const isBack = isRestarted(restart, end)
      const expected = [asked(end), isBack ? '+b' : ''].filter((word) => word !== '').join(' ')
      t.same([w.take(), shapeOf(it)], [expected, isBack ? 'a b c' : 'a c'], `${restart}, ${end}`)
    }
  }
})
