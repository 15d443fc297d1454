"""`ellzero explain`: the words the command uses, in a few lines each."""

from textwrap import fill

GLOSSARY = {
    "best subset": (
        "Of all sets of k columns, the one whose model has the smallest loss. Finding it is hard: there are as "
        "many sets as ways to choose k of p columns. ellzero searches so that whole families of sets are ruled "
        "out by one bound."
    ),
    "bic": (
        "Bayesian information criterion: n log(RSS/n) + K log n for a linear model, with K the number of "
        "coefficients and the intercept; for other models minus twice the log-likelihood + K log n. Smaller is "
        "better. The default. Prefers smaller models than AIC."
    ),
    "aic": (
        "Akaike's information criterion: n log(RSS/n) + 2 K. Smaller is better. Aims at prediction, keeps more "
        "columns than BIC."
    ),
    "aicc": ("AIC with a correction for few rows: AIC + 2 (K+1)(K+2)/(n-K-2). Infinite where there are too few rows."),
    "ebic": (
        "Extended BIC: BIC + log C(p, k), for many candidate columns: among many, some fit by luck. The default "
        "where there are more terms than rows."
    ),
    "gic": ("Generalised information criterion: n log(RSS/n) + K log(p) log(log(n)). For many columns, like EBIC."),
    "cp": (
        "Mallows' Cp: RSS / s2 - n + 2 K, with s2 the error variance of the model with all columns. Smaller is "
        "better. Needs more rows than columns."
    ),
    "adjr2": ("Adjusted R2: 1 - (RSS/(n-K)) / (TSS/(n-1)). Larger is better. The most generous of the criteria."),
    "cv": (
        "Cross-validation: the rows are cut into folds; models fitted without a fold, chosen anew each time, "
        "predict it. The size with the smallest mean loss is chosen."
    ),
    "cv-1se": (
        "One-standard-error rule: the smallest size whose cross-validated loss is within one standard error of "
        "the best. Fewer columns for a loss that cannot be told from the smallest."
    ),
    "certificate": (
        'The proof behind the word "proven": a list of families of sets that together are all sets, each with a '
        "bound showing that none in it beats the model found. `ellzero select --certificate FILE` writes it, "
        "`ellzero verify FILE --data DATA` computes every bound again from your table, with code that shares "
        "nothing with the search. The page docs/explanation/certificates.md follows one by hand."
    ),
    "gap": (
        "How far the best model found can be from the best there is: (objective - lower bound) / objective. 0 % "
        "means that no model of this size is better. At the time limit the gap is what is left to prove, not an "
        "error of the model."
    ),
    "lower bound": (
        "A number that the loss of no model of this size can fall below. Valid in floating point: rounding errors"
        " are subtracted."
    ),
    "status": (
        "proven: no model of this size is better (gap within --gap). time, nodes, stopped: the search ended "
        "early, the gap is what it had proved. heuristic: a good model, without proof. not converged: the fit "
        "itself did not settle; a little ridge (--l2 0.001) usually helps."
    ),
    "comparison": (
        "`ellzero compare`: every method on the same question. over optimum (or over bound): by how much the loss "
        "exceeds the proven optimum, or the best bound where nothing is proven. shared: columns in common with the "
        "best answer, 1 if they are the same. what is known: proved, or what holds of an answer without proof."
    ),
    "rivals": (
        "Other models of the chosen size or smaller whose loss is within --within of the best. If there are many, "
        "the data do not single out one set of columns: look which columns stand in for each other."
    ),
    "size": (
        "Number of columns in a model. The intercept never counts; a text column counts once, with all its levels."
    ),
    "in/out": (
        "What a best model gains and loses against the best model one size smaller. Best models need not contain "
        "each other, so a column can leave again."
    ),
    "missing": (
        "Empty cells and NA, N/A, #N/A, n/a, NaN, nan, NULL, null, None, ? and a lone point are missing values; "
        "nothing else is. They are an error until --missing says what to do: drop leaves the row out; impute "
        "fills in the mean, or the most frequent text; indicator also adds a 0/1 candidate COLUMN_missing, and "
        "makes missing a level of text columns."
    ),
    "dummies": (
        "A text column becomes one 0/1 term for each level but the first in sorted order, named COLUMN_LEVEL. All"
        " terms of a column enter and leave a model together."
    ),
    "forced": ("--forced COLUMN keeps a column in every model. It counts in the size."),
    "forbidden": ("--forbidden COLUMN leaves a column out before anything else: it is neither coded nor checked."),
    "hierarchy": (
        'A column named "a:b" is an interaction: the product of "a" and "b". --hierarchy strong lets it in only beside '
        '"a" and "b", and "a:b:c" only beside all columns of lower order; weak asks for one of them. What an '
        "interaction needs counts in the size."
    ),
    "at most one": (
        "--at-most-one a,b,c keeps all but one of these columns out of every model, such as several ways to measure "
        "the same thing."
    ),
    "collinear": (
        "Columns are collinear when one is an exact combination of others. Models with the one or the other fit "
        "equally well, so no data can say which is right: leave one out."
    ),
    "l2": (
        "Ridge: adds l2 times the sum of squared coefficients (of standardised columns) to the mean loss. "
        "Steadies models with similar columns and logistic models whose classes can be separated."
    ),
    "separable": (
        "Some combination of columns tells the two classes apart without error. The logistic coefficients then "
        "grow without end: there is no best model without ridge. Use --l2 0.001, or fewer columns."
    ),
    "caution": (
        "The rows that chose the columns also fitted the coefficients, so the fit looks better than it is: "
        "coefficients are too large, p-values too small, intervals too short. Judge a model on rows that took no "
        "part."
    ),
    "loss": (
        "Half the mean deviance: RSS/(2n) for linear models, the mean negative log-likelihood for logistic, and "
        "for Poisson and gamma the same minus that of a perfect fit; for huber the mean of Huber's function."
    ),
    "offset": (
        "--offset COLUMN adds a column to the linear predictor as it is, without a coefficient. For counts it is the "
        "logarithm of the exposure (years observed, area searched): the model then explains the rate. `ellzero "
        "predict` reads the same column of the new rows."
    ),
    "poisson": (
        "--task poisson explains counts: each column multiplies the expected count by a factor, e to its coefficient "
        "for one unit more. A proof needs a little ridge (--l2 0.001)."
    ),
    "gamma": (
        "--task gamma explains amounts greater than 0 whose scatter grows with their mean, such as costs and "
        "durations: each column multiplies the expected amount by a factor, e to its coefficient for one unit "
        "more. No bound is known, so its sizes are heuristic."
    ),
    "multinomial": (
        "--task multinomial explains which of 3 to 20 values the target has, each with a probability. A column is in "
        "with a coefficient for every class and counts once; the coefficients add up to zero over the classes. The "
        "probability of a class is e to its formula, divided by the sum of that over the classes. No bound is known, "
        "so its sizes are heuristic."
    ),
    "cox": (
        "--time COLUMN --event COLUMN, in the place of --target, explain times until an event by proportional hazards: "
        "each column multiplies the hazard by a factor, e to its coefficient for one unit more. Rows without the event "
        "(0) count as long as they were seen. --strata COLUMN compares only rows of one value, --ties efron counts "
        "events at the same time otherwise. Criteria take the number of events for n; there is no intercept. "
        "`ellzero predict` writes the hazard relative to a row whose formula is 0. No bound is known, so its sizes are "
        "heuristic."
    ),
    "huber": (
        "--task huber is linear regression that outlying rows cannot pull far: an error up to --huber-delta, in units "
        "of the target, counts with its square, what is beyond linearly. 1.345 times the scatter of ordinary rows is a "
        "usual choice. No bound is known, so its sizes are heuristic."
    ),
    "rss": ("Residual sum of squares: the squared errors added up, each times its row's weight."),
    "deviance": (
        "Twice the log-likelihood lost against a perfect fit; what RSS is for linear models. For huber twice the sum "
        "of Huber's function."
    ),
    "r2": (
        "Share of the variation explained: 1 - RSS/TSS; for other models than linear ones the share of the deviance."
    ),
    "l0": ("The number of coefficients that are not zero. What ellzero counts."),
}
ALIASES = {
    "proven": "status",
    "heuristic": "status",
    "rival": "rivals",
    "ridge": "l2",
    "optimal": "status",
    "r²": "r2",
    "± in/out": "in/out",
    "k": "size",
    "time": "status",
    "classes": "multinomial",
    "survival": "cox",
    "event": "cox",
    "ties": "cox",
    "strata": "cox",
    "hazard": "cox",
    "exposure": "offset",
    "robust": "huber",
    "group": "dummies",
    "level": "dummies",
    "proof": "certificate",
}


def explain(*term: str) -> int:
    """Say what a word means that the command uses.

    Parameters
    ----------
    term
        The word; without one all words are listed.
    """
    from . import messages
    from .console import Console

    console = Console()
    word = " ".join(term).strip().lower()
    if not word:
        console.data(
            "ellzero explain TERM, with TERM one of:\n"
            + fill(
                ", ".join(word.replace(" ", "\xa0") for word in sorted(GLOSSARY)),  # a line breaks between words only
                78,
                initial_indent="  ",
                subsequent_indent="  ",
                break_on_hyphens=False,
            ).replace("\xa0", " ")
        )
        return 0
    word = ALIASES.get(word, word)
    if word not in GLOSSARY:
        raise messages.no_term(" ".join(term), sorted({*GLOSSARY, *ALIASES}))
    console.data(f"{word}\n" + fill(GLOSSARY[word], 78, initial_indent="  ", subsequent_indent="  "))
    return 0
