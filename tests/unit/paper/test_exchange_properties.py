"""What no sequence of orders, quotes, changes and hours can break at the paper exchange."""

from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.model import TERMINAL_BOOK, BookStatus, Funds, OrderReport, OrderType, Side, Validity, leg_id
from tests.unit.paper.builders import CALL, PUT, World, ns, order, quote

RANK = {BookStatus.TRIGGER_PENDING: 0, BookStatus.OPEN: 1}
symbols = st.sampled_from([CALL, PUT])
ticks = st.integers(1, 4000).map(lambda count: str(Decimal(count) / 20))
seconds = st.integers(0, 600)


class Trading(RuleBasedStateMachine):
    """Random trading of one account; all that is reported is checked against all that was reported before."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(partial_fills=True, margins=True)
        self.seen: dict[str, OrderReport] = {}
        self.checked = 0
        self.units = {CALL: 0, PUT: 0}
        self.modified: set[str] = set()

    @rule(seconds_on=seconds)
    def time_passes(self, seconds_on: int) -> None:
        self.world.now = min(self.world.now + seconds_on * 1_000_000_000, ns("15:45"))
        self.world.exchange.run_due(self.world.now)

    @rule(symbol=symbols, bid=st.none() | ticks, ask=st.none() | ticks, units=st.none() | st.integers(0, 500))
    def quote_arrives(self, symbol: str, bid: str | None, ask: str | None, units: int | None) -> None:
        self.world.quotes(quote(bid, ask, symbol=symbol, at_ns=self.world.now, bid_units=units, ask_units=units))

    @rule(
        symbol=symbols,
        side=st.sampled_from(Side),
        lots=st.integers(1, 10),
        order_type=st.sampled_from(OrderType),
        price=ticks,
        product=st.sampled_from(["NRML", "MIS"]),
        validity=st.sampled_from(Validity),
    )
    def order_is_placed(
        self,
        *,
        symbol: str,
        side: Side,
        lots: int,
        order_type: OrderType,
        price: str,
        product: str,
        validity: Validity,
    ) -> None:
        placed = order(
            side,
            lots * 65,
            order_type,
            price=price,
            trigger=price,
            symbol=symbol,
            product=product,
            validity=validity,
        )
        self.world.place(placed)

    @rule(pick=st.integers(0, 50), lots=st.none() | st.integers(1, 12), price=ticks, market=st.booleans())
    def order_is_modified(self, pick: int, lots: int | None, price: str, market: bool) -> None:
        order_id = self._pick(pick)
        if order_id is not None:
            self.modified.add(order_id)
            self.world.modify(
                order_id,
                quantity=None if lots is None else lots * 65,
                price_inr=Decimal(price),
                order_type=OrderType.MARKET if market else None,
            )

    @rule(pick=st.integers(0, 50))
    def order_is_cancelled(self, pick: int) -> None:
        order_id = self._pick(pick)
        if order_id is not None:
            self.world.cancel(order_id)

    @rule()
    def process_restarts(self) -> None:
        updates = self.world.updates
        self.world = self.world.restarted()
        self.world.updates = updates

    def _pick(self, index: int) -> str | None:
        rows = self.world.exchange.orders("C1")
        return rows[index % len(rows)].order_id if rows else None

    @invariant()
    def everything_holds(self) -> None:
        self._reports_only_move_forward()
        self._book_is_what_was_reported()
        self._positions_are_the_sum_of_the_fills()
        self._realised_less_cost_is_the_cash_of_the_fills()
        self._flat_without_orders_blocks_nothing()
        self._nothing_rests_after_the_close()
        self._leg_ids_are_those_of_the_rows()

    def _reports_only_move_forward(self) -> None:
        for _, report in self.world.updates[self.checked :]:
            before = self.seen.get(report.order_id)
            newly = report.filled
            if before is not None:
                assert before.status not in TERMINAL_BOOK, "nothing happens to an order that has ended"
                newly -= before.filled
                rank = RANK.get(before.status, 2), RANK.get(report.status, 2)
                assert rank[0] <= rank[1] or report.order_id in self.modified
            assert newly >= 0
            assert report.filled <= report.quantity
            assert (report.status is BookStatus.COMPLETE) == (report.filled == report.quantity)
            self.units[report.symbol] += report.side.sign * newly
            self.seen[report.order_id] = report
        self.checked = len(self.world.updates)

    def _book_is_what_was_reported(self) -> None:
        assert {row.order_id: row for row in self.world.exchange.orders("C1")} == self.seen

    def _positions_are_the_sum_of_the_fills(self) -> None:
        for symbol, units in self.units.items():
            assert self.world.net(symbol, "NRML") + self.world.net(symbol, "MIS") == units

    def _realised_less_cost_is_the_cash_of_the_fills(self) -> None:
        account = self.world.exchange._accounts["C1"]
        cash = sum((-row.report.side.sign * row.fill_value_inr for row in account.orders.values()), Decimal(0))
        booked = sum((one.realised_inr - one.cost_inr for one in account.ledger.holdings.values()), Decimal(0))
        assert booked == cash

    def _flat_without_orders_blocks_nothing(self) -> None:
        account = self.world.exchange._accounts["C1"]
        assert account.blocked_inr() >= 0
        if (
            not account.working
            and not any(self.units.values())
            and not any(self.world.net(symbol, product) for symbol in self.units for product in ("NRML", "MIS"))
        ):
            realised = self.world.exchange.pnl("C1").realised
            funds = self.world.exchange.funds("C1")
            assert funds == Funds(available_inr=self.world.capital + realised, used_inr=Decimal(0))

    def _nothing_rests_after_the_close(self) -> None:
        if self.world.now >= ns("15:40"):
            assert not self.world.exchange._accounts["C1"].working

    def _leg_ids_are_those_of_the_rows(self) -> None:
        legs = {leg_id(row.exchange, row.symbol, row.product) for row in self.world.exchange.orders("C1") if row.filled}
        assert legs == {row.leg for row in self.world.exchange.positions("C1")}


Trading.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestTrading = Trading.TestCase
