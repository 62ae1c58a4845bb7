"""Values that no field of a broker's answer should have."""

from hypothesis import strategies as st


def odd(*texts: str) -> st.SearchStrategy[object]:
    """Anything, and these texts often."""
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(min_value=2**63 - 2, max_value=2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=12),
        st.sampled_from(texts),
        st.lists(st.none(), max_size=2),
        st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
    )
